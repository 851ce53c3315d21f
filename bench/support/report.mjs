// Options, the machine's facts, and Markdown.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { binary, repository } from '../../tests/integration/support/server.mjs';

const first_line = (program, args) => {
  const ran = spawnSync(program, args, { encoding: 'utf8' });
  if (ran.error) return null;
  return `${ran.stdout}${ran.stderr}`.split('\n')[0].trim();
};

/// The path of a program, or null. Debian keeps servers in /usr/sbin, where users do not look.
export function find_program(name) {
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/usr/local/sbin'];
  const files = folders.filter(Boolean).map((folder) => path.join(folder, name));
  return files.find((file) => fs.existsSync(file)) ?? null;
}

export const cores = os.cpus().length;

export function machine_facts() {
  const commit = first_line('git', ['-C', repository, 'rev-parse', '--short', 'HEAD']);
  const dirty = first_line('git', ['-C', repository, 'status', '--porcelain']);
  const nginx = find_program('nginx');
  const facts = [
    ['CPU', `${os.cpus()[0].model.trim()}, ${cores} cores`],
    ['memory', `${(os.totalmem() / 2 ** 30).toFixed(0)} GiB`],
    ['kernel', os.release()],
    ['load before', os.loadavg().map((load) => load.toFixed(2)).join(' ')],
    ['telecine', `${first_line(binary, ['version'])} (${commit}${dirty ? ', changed' : ''})`],
    ['ffmpeg', first_line('ffmpeg', ['-version'])?.replace(/ Copyright.*/, '')],
    ['nginx', nginx && first_line(nginx, ['-v'])],
    ['wrk', find_program('wrk') && /wrk\s+(\S+)/.exec(first_line('wrk', ['-v']) ?? '')?.[1]],
    ['node', process.version],
    ['date', new Date().toISOString().slice(0, 16) + 'Z'],
  ];
  return table(['machine', ''], facts.map(([name, value]) => [name, value ?? 'absent']));
}

export function table(columns, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(columns), line(columns.map(() => '---')), ...rows.map(line)].join('\n') + '\n';
}

const common = {
  rounds: { type: 'string' },
  seconds: { type: 'string' },
  data: { type: 'string', default: path.join(repository, 'build/bench-data') },
  tasks: { type: 'string' },
  source: { type: 'string' },
  count: { type: 'string' },
  quick: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
};

/// The command line's options, with numbers as numbers, and the names beside them.
export function read_options(usage) {
  let parsed;
  try {
    parsed = parseArgs({ options: common, allowPositionals: true });
  } catch (error) {
    console.error(error.message);
    process.exit(2);
  }
  if (parsed.values.help) {
    console.log(usage);
    process.exit(0);
  }
  const options = { ...parsed.values, names: parsed.positionals };
  for (const name of ['rounds', 'seconds', 'tasks', 'count']) {
    if (options[name] === undefined) continue;
    options[name] = Number(options[name]);
    if (!(options[name] > 0)) {
      console.error(`--${name} must be a number above 0`);
      process.exit(2);
    }
  }
  return options;
}

/// A benchmark's own defaults; `--quick` only shows that everything works.
export function with_defaults(options, usual, quick) {
  const defaults = options.quick ? { ...usual, ...quick } : usual;
  const given = Object.fromEntries(Object.entries(options).filter(([, v]) => v !== undefined));
  return { ...defaults, ...given };
}

/// Runs a benchmark when its file was started as the program.
export async function main(url, usage, run) {
  if (process.argv[1] === undefined || fileURLToPath(url) !== path.resolve(process.argv[1])) return;
  const options = read_options(usage);
  const facts = machine_facts();
  const text = await run(options);
  console.log(`${facts}\n${text}`);
}
