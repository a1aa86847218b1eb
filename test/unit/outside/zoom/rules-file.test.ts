import { describe, expect, it } from 'vitest';
import { parseZoomRules } from '../../../../src/outside/zoom/rules-file.ts';

const ruleOf = (text: string) => parseZoomRules(`rules: [{ ${text} }]`, 'rules.yaml')[0];
const conditionsOf = (text: string) => ruleOf(`match: { ${text} }, ignore: true`)?.conditions;

/** The lines of the refusal, each as its number and its text. */
function problemsOf(text: string): [number, string][] {
  try {
    parseZoomRules(text, 'rules.yaml');
  } catch (error) {
    expect(error).toMatchObject({ code: 'CONFIG_INVALID' });
    const lines = (error as Error).message.matchAll(/^ {2}line (\d+): (.+)$/gm);
    return [...lines].map(([, line, problem]) => [Number(line), problem ?? '']);
  }
  return [];
}

describe('a file of rules', () => {
  it.each([
    ['weekday: mon', { weekday: [1] }],
    ['weekday: [Monday, sat-sun]', { weekday: [1, 6, 0] }],
    ['weekday: "fri-mon"', { weekday: [5, 6, 0, 1] }],
    ['time: "08:30-10:00"', { time: { fromMinute: 510, toMinute: 600 } }],
    ['time: "22:00-24:00"', { time: { fromMinute: 1320, toMinute: 1440 } }],
    ['min_duration: 10m, max_duration: 1.5h', { minSeconds: 600, maxSeconds: 5400 }],
    ['min_duration: 90', { minSeconds: 90 }],
    ['meeting_id: 855 1234 5678', { meetingId: ['85512345678'] }],
    ['meeting_id: [85512345678, "855-1234-5679"]', { meetingId: ['85512345678', '85512345679'] }],
    ['host: "*@example.com"', { host: ['*@example.com'] }],
  ])('takes %s', (text, expected) => {
    expect(conditionsOf(text)).toMatchObject(expected);
  });

  it('names a rule that has no name by its place', () => {
    expect(ruleOf('match: {}, ignore: true')?.name).toBe('rule 1');
  });

  it.each(['', '# nothing yet\n', 'rules: []', '{"rules": []}'])('may be without rules: %j', (text) => {
    expect(parseZoomRules(text, 'rules.yaml')).toEqual([]);
  });

  it('says all that is wrong at once, each by its line', () => {
    const text = `rules:
  - match:
      hosts: x
      weekday: someday
    set:
      title: "{topik}"
      folder: ../x
  - match: {}
    ignore: false
  - match: { time: "9-10" }
`;
    expect(problemsOf(text).map(([line]) => line)).toEqual([3, 4, 6, 7, 9, 10, 10]);
  });

  it.each([
    ['a key twice', 'rules: []\nrules: []\n', 2],
    ['a list that is not closed', 'rules: [\n', 2],
    ['both at once', 'rules:\n  - match: {}\n    ignore: true\n    set: {}\n', 2],
    ['neither', 'rules:\n  - match: {}\n', 2],
    ['a zone that nobody knows', 'timezone: Mars/Olympus\n', 1],
    ['text', 'hello\n', 1],
    [
      'a bomb of aliases',
      `a: &a [x,x,x,x,x,x,x,x,x]\n${['b', 'c', 'd', 'e'].map((k, i) => `${k}: &${k} [${Array(9).fill(`*${'abcd'[i]}`)}]`).join('\n')}\n`,
      undefined,
    ],
  ])('refuses %s', (_name, text, line) => {
    if (line === undefined)
      expect(() => parseZoomRules(text, 'rules.yaml')).toThrow(
        expect.objectContaining({ code: 'CONFIG_INVALID' }),
      );
    else expect(problemsOf(text)[0]?.[0]).toBe(line);
  });
});
