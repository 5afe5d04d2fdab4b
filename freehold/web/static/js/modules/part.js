// A block of a page, asked for as htmx asks (web/fragments.py): the HTML, or an error where there is none.
export async function part(address, body, target, signal) {
  const headers = { "HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": target };
  const answer = await fetch(address, { method: "POST", body, headers, signal });
  if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
  return answer.text();
}
