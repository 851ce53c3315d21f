// Databases of many finished tasks, made by store_bench.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { binary, create_key, run, Server } from '../../tests/integration/support/server.mjs';
import { temp_folder } from '../../tests/integration/support/suite.mjs';
import { progress } from './measure.mjs';

export const store_bench = path.join(path.dirname(binary), 'bench/store_bench');
export const lacks_store_bench = fs.existsSync(store_bench)
  ? null
  : `there is no ${store_bench}; build it with: ninja -C build store_bench`;

const key = { id: 'bench', secret: 'bench-secret-0001', account: 'bench' };
export const token = `sk-${key.id}.${key.secret}`;

/// One run of store_bench; answers its line of JSON.
export async function bench_store(args) {
  const ran = await run(args.map(String), { program: store_bench, guard: 3_600_000 });
  if (ran.code !== 0) throw new Error(`${ran.command}: ${ran.stderr}`);
  return JSON.parse(ran.stdout);
}

/// A folder with `count` finished tasks of the account "bench", its key and ids.txt; made once,
/// kept below `data`, and never written afterwards: work that writes takes a `copy_of` it.
export async function database(data, count) {
  const folder = path.join(data, `tasks-${count}`);
  const ids = path.join(folder, 'ids.txt');
  if (fs.existsSync(ids) && fs.statSync(ids).size === count * 33) return folder;
  progress(`making a database of ${count} tasks in ${folder}`);
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(folder, { recursive: true });
  await create_key(folder, key);
  const made = await bench_store(['fill', folder, count]);
  progress(`made in ${made.seconds.toFixed(0)} s`);
  return folder;
}

export const bytes_of = (folder) => fs.statSync(path.join(folder, 'telecine.db')).size;

/// A copy that may be written, removed when the program ends.
export function copy_of(folder) {
  const copy = temp_folder('bench-copy');
  progress(`copying ${folder} (${(bytes_of(folder) / 2 ** 30).toFixed(2)} GiB)`);
  const ran = spawnSync('cp', ['-a', '--reflink=auto', `${folder}/.`, copy], { encoding: 'utf8' });
  if (ran.status !== 0) throw new Error(`cp: ${ran.stderr}`);
  spawnSync('sync', ['-f', copy]);
  return copy;
}

/// Reads the file once, so that every run finds it in the page cache as far as it fits.
export function warm_up(folder) {
  spawnSync('cat', [path.join(folder, 'telecine.db')], { stdio: 'ignore' });
}

/// A server on such a folder that serves only, while `body` runs.
export async function with_server(folder, flags, body) {
  const server = await Server.start({
    data: folder,
    flags: ['--worker-enabled', 'false', '--data-retention', '0', '--log-level', 'warning',
            ...flags],
  });
  server.token = token;
  try {
    return await body(server);
  } finally {
    await server.close();
  }
}

/// The first lines of ids.txt in a file of their own.
export function some_ids(folder, count) {
  const file = path.join(temp_folder('ids'), 'ids.txt');
  const input = fs.openSync(path.join(folder, 'ids.txt'), 'r');
  const bytes = Buffer.alloc(count * 33);
  const read = fs.readSync(input, bytes, 0, bytes.length, 0);
  fs.closeSync(input);
  fs.writeFileSync(file, bytes.subarray(0, read));
  return file;
}
