/** The value of a parameter as it was typed: what is JSON is read as such, and all else is a text. */
export function readParamValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
