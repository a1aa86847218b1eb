import { describe, expect, it } from 'vitest';
import { UsageError } from '../../../scripts/bench/bench.ts';
import { BENCHES } from '../../../scripts/bench/benches.ts';
import { helpText, readOptions, readSetting } from '../../../scripts/bench/options.ts';

describe('the command line of the bench', () => {
  const read = (...args: string[]) => readOptions(args, BENCHES);

  it('takes names, rounds, a file and settings', () => {
    const options = read('flat', 'overlap', '--rounds', '2', '--json', 'f.json', '--link-mb-per-s', '12.5');

    expect(options.benches.map(({ name }) => name)).toEqual(['overlap', 'flat']);
    expect(options).toMatchObject({ asked: 'flat overlap', rounds: 2, jsonPath: 'f.json', wantsHelp: false });
    expect(readSetting(options.settings, 'link-mb-per-s', 25)).toBe(12.5);
    expect(readSetting(options.settings, 'mib', 512)).toBe(512);
  });

  it('takes --tls where one of those asked for knows it', () => {
    expect(read('growth', 'flat', '--tls').withTls).toBe(true);
    expect(read('flat').withTls).toBe(false);
  });

  it('runs every bench for "all", and none without a name', () => {
    expect(read('all').benches).toEqual(BENCHES);
    expect(read().benches).toEqual([]);
  });

  it('lists every bench with its settings', () => {
    for (const { name, settings } of BENCHES) {
      expect(helpText(BENCHES)).toMatch(new RegExp(`^  ${name} `, 'm'));
      for (const flag of Object.keys(settings)) expect(helpText(BENCHES)).toContain(`--${flag} `);
    }
  });

  it.each([
    ['a bench that there is not', ['speed'], 'There is no bench "speed"'],
    ['a setting of another bench', ['flat', '--link-mb-per-s', '5'], '--link-mb-per-s is no setting of flat'],
    ['TLS where nothing has it', ['growth', '--tls'], '--tls is nothing that growth can measure'],
    ['no rounds', ['flat', '--rounds', '0'], '--rounds takes'],
    ['an unknown flag', ['flat', '--fast'], "Unknown option '--fast'"],
  ])('refuses %s', (_what, args, complaint) => {
    expect(() => read(...args)).toThrow(UsageError);
    expect(() => read(...args)).toThrow(complaint);
  });

  it('refuses a size that is no number', () => {
    const { settings } = read('flat', '--small-mib', 'many');

    expect(() => readSetting(settings, 'small-mib', 64)).toThrow('--small-mib takes a number, not "many"');
  });
});
