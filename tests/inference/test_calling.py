"""What is sent to an engine and what is taken out of its words. Pure."""

import json

import pytest

from freehold.inference.calling import form, without_timings


@pytest.mark.parametrize(
    ("data", "left"),
    [
        (b'{"id":"a","choices":[{"index":0}],"timings":{"predicted_n":3}}', b'{"id":"a","choices":[{"index":0}]}'),
        (b'{"timings":{"predicted_n":3},"choices":[1]}', b'{"choices":[1]}'),  # not where llama.cpp writes it
        (b'{"choices":[1],"timings":{"a":{"b":3}}}', b'{"choices":[1]}'),
        (
            b'{"choices":[{"text":",\\"timings\\":{}}"}],"timings":{"a":1}}',
            b'{"choices":[{"text":",\\"timings\\":{}}"}]}',
        ),
        (b'{"x":{"y":1,"timings":{"a":1}},"timings": {"a":1}}', b'{"x":{"y":1,"timings":{"a":1}}}'),
        (b'{"timings":{"b":2},"x":{"y":1,"timings":{"a":1}}}', b'{"x":{"y":1,"timings":{"a":1}}}'),
    ],
)
def test_what_only_the_hub_asked_for_is_taken_out_of_an_event_and_nothing_else(data: bytes, left: bytes) -> None:
    assert without_timings(data, json.loads(data)) == left


def test_a_name_in_a_form_cannot_begin_a_part_of_its_own() -> None:
    fields = {'a"; filename="b': "one", "c\r\n\r\nd": ["é"]}
    assert form(fields, b"sound", "audio/wav", "EDGE") == (
        b'--EDGE\r\nContent-Disposition: form-data; name="a%22; filename=%22b"\r\n\r\none\r\n'
        b'--EDGE\r\nContent-Disposition: form-data; name="c%0D%0A%0D%0Ad"\r\n\r\n["\\u00e9"]\r\n'
        b'--EDGE\r\nContent-Disposition: form-data; name="file"; filename="upload"\r\n'
        b"Content-Type: audio/wav\r\n\r\nsound\r\n--EDGE--\r\n"
    )
