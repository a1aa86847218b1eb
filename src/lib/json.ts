/** What a text is as JSON; `undefined`: it is none, or there is something behind it. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whether a text is JSON, whole and with nothing behind it. */
export function isJson(text: string): boolean {
  return parseJson(text) !== undefined;
}
