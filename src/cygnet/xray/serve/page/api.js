// Questions to the server that this page came from.

export class Refused extends Error {}

export async function ask(path, body, signal) {
  return (await request(path, body, signal)).json();
}

// The events of an answer, a line each, as they come; aborting the signal ends the work on the other side.
export async function* lines(path, body, signal) {
  const answer = await request(path, body, signal);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let ended = false;
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    const parts = (rest + value).split("\n");
    rest = parts.pop();
    for (const event of parts.map(JSON.parse)) {
      if (event.error) throw new Refused(event.error);
      ended ||= Boolean(event.end);
      yield event;
    }
  }
  if (!ended) throw new Refused("the server has ended in the middle of the text");
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
