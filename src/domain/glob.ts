/**
 * Whether a text is what a pattern describes: `*` stands for any characters, `?` for one; case does not count.
 *
 * No regular expressions: this takes at most the product of both lengths, whatever somebody writes into a rule or a topic.
 */
export function matchesGlob(pattern: string, text: string): boolean {
  const wanted = Array.from(pattern.toLowerCase());
  const given = Array.from(text.toLowerCase());
  let at = 0;
  let star = -1;
  let resumeAt = 0;
  for (let i = 0; i < given.length; ) {
    if (wanted[at] === '*') {
      star = at;
      resumeAt = i;
      at += 1;
    } else if (at < wanted.length && (wanted[at] === '?' || wanted[at] === given[i])) {
      at += 1;
      i += 1;
    } else if (star >= 0) {
      // The last star takes one character more.
      resumeAt += 1;
      i = resumeAt;
      at = star + 1;
    } else {
      return false;
    }
  }
  return wanted.slice(at).every((character) => character === '*');
}
