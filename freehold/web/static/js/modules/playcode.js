// The same question as code: three texts that follow the parameters.
const quoted = (text) => JSON.stringify(text);

export function asCode(root, { model, system, parameters }) {
  const base = root.dataset.base, first = system ? [{ role: "system", content: system }] : [];
  const messages = [...first, { role: "user", content: "What is the capital of France?" }];
  const named = Object.entries(parameters);
  put("python", `from openai import OpenAI

hub = OpenAI(base_url=${quoted(`${base}/v1`)}, api_key="YOUR_TOKEN")
answer = hub.chat.completions.create(
    model=${quoted(model)},
    messages=[
${messages.map((one) => `        {"role": ${quoted(one.role)}, "content": ${quoted(one.content)}},`).join("\n")}
    ],${named.map(([name, value]) => `\n    ${name}=${value},`).join("")}
)
print(answer.choices[0].message.content)`);
  put("javascript", `import OpenAI from "openai";

const hub = new OpenAI({ baseURL: ${quoted(`${base}/v1`)}, apiKey: process.env.HF_TOKEN });
const answer = await hub.chat.completions.create(${JSON.stringify({ model, messages, ...parameters }, null, 2)});
console.log(answer.choices[0].message.content);`);
  put("curl", `curl ${base}/v1/chat/completions \\
  -H "Authorization: Bearer $HF_TOKEN" -H "Content-Type: application/json" \\
  -d '${JSON.stringify({ model, messages, ...parameters }).replaceAll("'", "'\\''")}'`);

  function put(name, text) {
    const place = root.querySelector(`[data-code="${name}"]`);
    if (place) place.textContent = text;
  }
}
