"""Cards over JSON."""

from starlette.responses import JSONResponse, PlainTextResponse, Response

from freehold.cards import rules
from freehold.cards.schemas import Checked, ValidateYaml
from freehold.core.http import PUBLIC, Ask, door
from freehold.core.routes import Router

router = Router(tags=["cards"])


@router.post("/api/validate-yaml", response_model=None, responses={200: {"model": Checked}, 400: {"model": Checked}})
@door(PUBLIC, reads=True)
def validate_yaml(ask: Ask, body: ValidateYaml) -> Response:
    """Whether a README may be published: 400 with every error, else 200 with warnings.

    JSON always, because the client parses before it looks at the status; plain text where it asks for that and shows
    the raw answer. Source: protocol/hub-api.md 3.7.
    """
    checked = rules.validate(body.content, body.repoType or "model")
    status = 400 if checked.errors else 200
    if "text/plain" in ask.request.headers.get("accept", ""):
        text = "\n".join(filter(None, [rules.told(checked.errors, "Error"), rules.told(checked.warnings, "Warning")]))
        return PlainTextResponse(text, status)
    answer = {
        "errors": [{"message": message} for message in checked.errors],
        "warnings": [{"message": message} for message in checked.warnings],
    }
    return JSONResponse(answer, status)
