// Questions to the server that this page came from.

export class Refused extends Error {}

export async function ask(path, body, signal) {
  return (await request(path, body, signal)).json();
}

// The lines of an answer as they come; aborting the signal ends the work on the other side.
export async function* lines(path, body, signal) {
  const answer = await request(path, body, signal);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n");
    rest = parts.pop();
    for (const part of parts) yield JSON.parse(part);
  }
}

async function request(path, body, signal) {
  const post = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  let answer;
  try {
    answer = await fetch(`/api/${path}`, { signal, ...(body === undefined ? {} : post) });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused("the server does not answer: is “cygnet xray serve” still running?");
  }
  if (!answer.ok) throw new Refused(await reason(answer));
  return answer;
}

async function reason(answer) {
  try {
    return (await answer.json()).error;
  } catch {
    return `the server answered ${answer.status}`;
  }
}
