// Questions to the server.

export async function get(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error((await response.json()).error);
  return response;
}

export async function post(path, data = {}) {
  const response = await fetch(path, {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(data),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error);
  return answer;
}

// Asks; an answer that a later question has overtaken is null, whatever has become of it.
export function lastOnly() {
  let turn = 0;
  return async (ask) => {
    const mine = ++turn;
    try {
      const answer = await ask();
      return mine === turn ? answer : null;
    } catch (error) {
      if (mine === turn) throw error;
      return null;
    }
  };
}
