// Starting, stopping, and what happens when the machine does not play along.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { Readable } from 'node:stream';
import { assert_problem } from './support/api.mjs';
import { call, free_port, is_listening } from './support/http.mjs';
import {
  clip, has_shared_clips, md5, mp4_samples, quick_outputs, short_clip, synthesised,
} from './support/media.mjs';
import { is_alive, media_children_of, send_signal, zygotes_of } from './support/processes.mjs';
import { Process, Server, Worker, binary, run } from './support/server.mjs';
import { check, remove_folder, sleep, temp_folder, until } from './support/suite.mjs';

const long = { timeout: 600_000 };

const serve = (data, port, ...flags) =>
  run(['serve', '--data', data, '--listen', `127.0.0.1:${port}`, ...flags]);

/// A start that must fail: with a code that is not 0 and words that match.
function assert_refused(end, words) {
  const said = end.stderr + end.stdout;
  assert.equal(end.signal, null, said);
  assert.notEqual(end.code, 0, said);
  assert.match(said, words);
  assert.ok(!/terminate called|Assertion|core dumped/.test(said), said);
}

/// File names of the shared libraries that a process has mapped.
const libraries_of = (pid) =>
  fs.readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n')
    .map((line) => path.basename(line.split(/\s+/)[5] ?? '')).filter((name) => name.includes('.so'));

/// Work that takes some ten seconds on two cores, so that there is time to disturb it.
async function submit_long(client, extra = {}) {
  const file = has_shared_clips ? clip('bbb-1080p24.mp4')
    : synthesised({ width: 1280, height: 720, rate: 24, frames: 120 }).path;
  const frames = has_shared_clips ? 288 : 120;
  const input = (await client.upload(fs.createReadStream(file), 'long')).input;
  const outputs = [{ name: 'v', type: 'video', video: { preset: 'slower', short_side: 720 } }];
  const { id } = await client.submit({ input, outputs, ...extra });
  return { id, frames };
}

async function assert_done_once(client, { id, frames }) {
  const task = await client.succeeded(id);
  const history = await client.history(id);
  assert.equal(history.filter((e) => e.type === 'task.succeeded').length, 1);
  assert.equal(history.at(-1).type, 'task.succeeded');
  const answer = await call('GET', task.outputs[0].url);
  assert.equal(md5(answer.body), task.outputs[0].files[0].md5);
  assert.equal(mp4_samples(answer.body).vide, frames);
  return history;
}

// --- starts that cannot be ---

check('a port in use is said clearly', async () => {
  const holder = net.createServer();
  await new Promise((resolve) => holder.listen(0, '127.0.0.1', resolve));
  const { port } = holder.address();
  const data = temp_folder('port');
  try {
    const end = await serve(data, port);
    assert_refused(end, /in use|taken/i);
    assert.ok(end.stderr.includes(String(port)), 'it names the port');
  } finally {
    holder.close();
    remove_folder(data);
  }
});

check('a second server on the same data directory is refused and the first goes on', async () => {
  const server = await Server.start();
  try {
    const end = await serve(server.data, await free_port());
    assert_refused(end, /another server|already/i);
    assert.ok((end.stderr + end.stdout).includes(server.data), 'it names the directory');
    const input = (await server.client.upload(short_clip().bytes, 'clip.avi')).input;
    await server.client.done({ input, outputs: quick_outputs });
  } finally {
    await server.close();
  }
});

check('a data directory that cannot be made is said clearly', async () => {
  const folder = temp_folder('data');
  fs.writeFileSync(path.join(folder, 'file'), '');
  try {
    const data = path.join(folder, 'file/data');
    assert_refused(await serve(data, await free_port()), /data directory|cannot be made/i);
  } finally {
    remove_folder(folder);
  }
});

/// A file system of its own, or null where one cannot be mounted.
function mount(folder, options) {
  if (process.getuid() !== 0) return null;
  const made = spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder]);
  if (made.error || made.status !== 0) return null;
  return () => spawnSync('umount', ['-l', folder]);
}

check('a data directory that cannot be written is said clearly', async () => {
  const data = temp_folder('readonly');
  // Root may write anywhere but on a file system that is read-only.
  const unmount = mount(data, 'ro,size=1m');
  if (!unmount) fs.chmodSync(data, 0o500);
  try {
    if (!unmount && process.getuid() === 0) {
      console.log('root without mount: the part with an unwritable directory cannot be made');
      return;
    }
    assert_refused(await serve(data, await free_port()), /cannot be|read-only|permission|written/i);
  } finally {
    unmount?.();
    fs.chmodSync(data, 0o700);
    remove_folder(data);
  }
});

check('a database of a newer version is refused and left alone', async () => {
  const server = await Server.start({ make_key: false });
  const { data, port, token } = server;
  const file = path.join(data, 'telecine.db');
  const version_at = 60; // user_version in the header of an SQLite file, big-endian
  const read = () => fs.readFileSync(file).readUInt32BE(version_at);
  const write = (version) => {
    const handle = fs.openSync(file, 'r+');
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(version);
    fs.writeSync(handle, bytes, 0, 4, version_at);
    fs.closeSync(handle);
  };
  try {
    const end = await server.terminate();
    assert.equal(end.code, 0);
    const log = `${file}-wal`;
    assert.ok(!fs.existsSync(log) || fs.statSync(log).size === 0, 'an orderly end leaves no log');
    const own = read();
    assert.ok(own > 0, 'the schema has a version');
    write(own + 1000);
    assert_refused(await serve(data, port), /newer/i);
    assert.equal(read(), own + 1000, 'it was not touched');
    assert_refused(await run(['migrate', '--data', data]), /newer/i);
    write(own);
    await server.launch();
    assert.equal((await server.client_with(token).raw('GET', '/api/v1/tasks')).status, 200);
  } finally {
    await server.close();
  }
});

check('a damaged database is said clearly', async () => {
  const data = temp_folder('damaged');
  fs.writeFileSync(path.join(data, 'telecine.db'), Buffer.alloc(8192, 'not a database '));
  try {
    assert_refused(await serve(data, await free_port()), /database|store/i);
  } finally {
    remove_folder(data);
  }
});

check('settings that are unknown or wrong are refused by name', async () => {
  const data = temp_folder('settings');
  const config = path.join(data, 'telecine.toml');
  try {
    const port = await free_port();
    assert_refused(await serve(data, port, '--worker-stal', '3s'), /--worker-stall/);
    assert_refused(await serve(data, port, '--worker-stall', 'soon'), /worker.?stall/);
    assert_refused(await serve(data, port, '--network-allow-addresses', 'home'), /home/);
    fs.writeFileSync(config, '[worker]\nstal = "3s"\n');
    const end = await serve(data, port, '--config', config);
    assert_refused(end, /worker\.stall/);
    assert.match(end.stderr, /telecine\.toml:2/, 'it says where');
    fs.writeFileSync(config, '[worker\nstall = 3\n');
    assert_refused(await serve(data, port, '--config', config), /telecine\.toml/);
    assert_refused(await serve(data, port, '--config', path.join(data, 'absent.toml')), /absent/);
    assert.ok(!(await is_listening(port)));
  } finally {
    remove_folder(data);
  }
});

check('a setting of the environment counts, and an unknown one is refused', async () => {
  const data = temp_folder('environment');
  try {
    const seen = await run(['config', 'print'], { env: { TELECINE_WORKER_STALL: '17s' } });
    assert.equal(seen.code, 0, seen.stderr);
    assert.match(seen.stdout, /17s|17000/);
    const end = await run(['serve', '--data', data, '--listen', '127.0.0.1:0'],
                          { env: { TELECINE_WORKER_STAL: '17s' } });
    assert_refused(end, /TELECINE_WORKER_STAL/);
  } finally {
    remove_folder(data);
  }
});

// --- first start, restart ---

check('the first start makes a key, says so and keeps it', async () => {
  const server = await Server.start({ make_key: false });
  try {
    assert.match(server.token, /^sk-[\w-]+\.\S+$/);
    assert.ok((server.process.stderr + server.process.stdout).includes(server.token));
    const mode = fs.statSync(path.join(server.data, 'first.key')).mode & 0o777;
    assert.equal(mode & 0o077, 0, 'nobody else can read it');
    assert.equal((await server.client.raw('GET', '/api/v1/keys')).status, 200, 'it may everything');
    const input = (await server.client.upload(short_clip().bytes, 'clip.avi')).input;
    const task = await server.client.done({ input, outputs: quick_outputs });
    const bytes = (await call('GET', task.outputs[0].url)).body;
    await server.restart();
    assert.equal(fs.readFileSync(path.join(server.data, 'first.key'), 'utf8').trim(), server.token);
    assert.ok(!server.process.stderr.includes(server.token), 'no second key is made');
    const again = await server.client.task(task.id);
    assert.deepEqual({ ...again, outputs: null }, { ...task, outputs: null });
    assert.deepEqual(again.outputs[0].facts, task.outputs[0].facts);
    const after = await call('GET', task.outputs[0].url);
    assert.equal(after.status, 200, 'links given out stay good');
    assert.deepEqual(after.body, bytes);
  } finally {
    await server.close();
  }
});

check('secrets of keys do not stand in the log', async () => {
  const server = await Server.start();
  try {
    await server.client.raw('GET', '/api/v1/nothing');
    const wrong = { Authorization: 'Bearer sk-main.a-wrong-secret' };
    await call('GET', `${server.url}/api/v1/tasks`, { headers: wrong });
    const input = (await server.client.upload(short_clip().bytes, 'clip.avi')).input;
    const task = await server.client.done({ input, outputs: quick_outputs });
    const url = new URL(task.outputs[0].url);
    url.searchParams.set('Expires', '1');
    await call('GET', url.href);
    const signature = url.searchParams.get('Signature');
    const log = server.process.stderr + server.process.stdout;
    assert.ok(!log.includes('main-secret-0001') && !log.includes('a-wrong-secret'));
    assert.ok(!log.includes(signature), 'nor signatures of links');
  } finally {
    await server.close();
  }
});

check('a database sealed with a master key needs that key', async () => {
  const folder = temp_folder('sealed');
  const file = path.join(folder, 'master.key');
  fs.writeFileSync(file, `${'ab'.repeat(32)}\n`);
  const flags = ['--data-master-key-file', file];
  const server = await Server.start({ make_key: false, flags });
  try {
    const secret = server.token.split('.')[1];
    await server.terminate();
    for (const name of fs.readdirSync(server.data)) {
      const one = path.join(server.data, name);
      if (name === 'first.key' || !fs.statSync(one).isFile()) continue;
      assert.ok(!fs.readFileSync(one).includes(secret), `the secret stands in ${name}`);
    }
    await server.launch();
    assert.equal((await server.client.raw('GET', '/api/v1/tasks')).status, 200);
    fs.writeFileSync(file, 'short\n');
    await server.terminate();
    assert_refused(await serve(server.data, server.port, ...flags), /64 hex digits/);
    fs.writeFileSync(file, `${'ab'.repeat(32)}\n`);
    await server.launch();
  } finally {
    await server.close();
    remove_folder(folder);
  }
});

// --- stopping ---

check('SIGTERM lets a running task finish within the drain time and ends with 0', async () => {
  const server = await Server.start({ flags: ['--worker-drain', '10m'] });
  try {
    const work = await submit_long(server.client);
    await server.client.in_state(work.id, 'running');
    const zygotes = zygotes_of(server.pid);
    assert.equal(zygotes.length, 1);
    const end = await server.terminate({ guard: 400_000 });
    assert.deepEqual(end, { code: 0, signal: null });
    for (const pid of zygotes) assert.ok(!is_alive(pid), 'its media process has gone with it');
    await server.launch();
    assert.equal((await server.client.task(work.id)).state, 'succeeded', 'it was finished');
    await assert_done_once(server.client, work);
  } finally {
    await server.close();
  }
}, long);

check('SIGTERM gives back what takes too long, and a restart goes on with it', async () => {
  const server = await Server.start({ flags: ['--worker-drain', '1s'] });
  try {
    const work = await submit_long(server.client);
    await server.client.in_state(work.id, 'running');
    const end = await server.terminate();
    assert.deepEqual(end, { code: 0, signal: null });
    await server.launch();
    const history = await assert_done_once(server.client, work);
    assert.ok(history.every((e) => e.type !== 'task.failed'));
    const types = history.map((e) => e.type);
    assert.ok(types.some((type) => ['unit.released', 'unit.lost'].includes(type)), types.join(' '));
    assert.deepEqual(fs.readdirSync(path.join(server.data, 'work')), []);
  } finally {
    await server.close();
  }
}, long);

check('a draining server takes no new task', async () => {
  const server = await Server.start({ flags: ['--worker-drain', '10m'] });
  try {
    const work = await submit_long(server.client);
    await server.client.in_state(work.id, 'running');
    const body = { input: 'https://example.com/a.mp4' };
    server.process.signal('SIGTERM');
    await until('tasks to be refused', async () => {
      const answer = await server.client.raw('POST', '/api/v1/tasks', { body }).catch(() => null);
      return answer === null || answer.status === 503;
    });
    const state = await server.client.raw('GET', `/api/v1/tasks/${work.id}`).catch(() => null);
    if (state) assert.equal(state.status, 200, 'but it still says how tasks stand');
    const end = await server.process.wait({ guard: 400_000 });
    assert.deepEqual(end, { code: 0, signal: null });
    await server.launch();
  } finally {
    await server.close();
  }
}, long);

check('SIGINT ends the server as SIGTERM does', async () => {
  const server = await Server.start();
  server.process.signal('SIGINT');
  assert.deepEqual(await server.process.wait(), { code: 0, signal: null });
  await server.close();
});

check('open event streams do not keep a server from ending', async () => {
  const server = await Server.start();
  const stream = await server.client.events('/api/v1/events');
  const idle = net.connect(server.port, '127.0.0.1');
  idle.on('error', () => {});
  assert.deepEqual(await server.terminate(), { code: 0, signal: null });
  while ((await stream.next()) !== null);
  idle.destroy();
  await server.close();
});

// --- workers ---

check('a worker beside a server does the work of one that has none', async () => {
  const server = await Server.start({ flags: ['--worker-enabled=false'] });
  const worker = new Worker(server.data);
  try {
    assert.equal(zygotes_of(server.pid).length, 0);
    const input = (await server.client.upload(short_clip().bytes, 'clip.avi')).input;
    const made = await server.client.done({ input, outputs: quick_outputs });
    await assert_whole_output(made);
    const work = await submit_long(server.client);
    await server.client.in_state(work.id, 'running');
    await until('its progress to be seen through the server',
                async () => (await server.client.task(work.id)).progress > 0);
    await server.client.json('POST', `/api/v1/tasks/${work.id}/cancel`);
    await until('the cancel to reach the worker', () => media_children_of(worker.pid).length === 0);
    assert.deepEqual(await worker.terminate(), { code: 0, signal: null });
  } finally {
    await worker.close();
    await server.close();
  }
}, long);

async function assert_whole_output(task) {
  const answer = await call('GET', task.outputs[0].url);
  assert.equal(md5(answer.body), task.outputs[0].files[0].md5);
}

check('a worker silent for longer than its lease loses its unit, and its late commit is refused',
      async () => {
  const flags = ['--worker-lease', '3s'];
  const server = await Server.start({ flags: ['--worker-enabled=false', ...flags] });
  const first = new Worker(server.data, flags);
  let second = null;
  try {
    const work = await submit_long(server.client);
    await server.client.in_state(work.id, 'running');
    await until('a media child', () => media_children_of(first.pid).length > 0);
    const child = media_children_of(first.pid)[0];
    // The worker is stopped, its child goes on: when the worker wakes up, a result waits for it.
    send_signal(first.pid, 'SIGSTOP');
    second = new Worker(server.data, flags);
    await until('the unit to be lost', async () =>
      (await server.client.history(work.id)).some((e) => e.type === 'unit.lost'));
    await until('the second to take it up', () => media_children_of(second.pid).length > 0);
    const task = await server.client.succeeded(work.id, { guard: 400_000 });
    send_signal(first.pid, 'SIGCONT');
    await until('the first to have let go', () => !is_alive(child), { guard: 200_000 });
    await sleep(1000);
    const history = await assert_done_once(server.client, work);
    assert.equal(history.filter((e) => e.type === 'unit.lost').length, 1);
    assert.ok(task.attempts >= 2);
    const later = await server.client.task(work.id);
    assert.equal(later.updated, task.updated, 'nothing changed after');
    assert.equal(later.outputs[0].files[0].md5, task.outputs[0].files[0].md5);
    assert.ok(!first.process.ended, 'the first worker lives on');
    await second.terminate();
    const input = (await server.client.upload(short_clip().bytes, 'clip.avi')).input;
    await server.client.done({ input, outputs: quick_outputs });
    assert.deepEqual(await first.terminate(), { code: 0, signal: null });
    assert.deepEqual(fs.readdirSync(path.join(server.data, 'work')), []);
  } finally {
    if (!first.process.ended) send_signal(first.pid, 'SIGCONT');
    await first.close();
    await second?.close();
    await server.close();
  }
}, long);

check('a task that stops making progress is ended as timed out', async () => {
  const server = await Server.start({ flags: ['--worker-stall', '3s'] });
  try {
    const work = await submit_long(server.client, { max_attempts: 1 });
    const child = await until('a media child', () => media_children_of(server.pid)[0]);
    await until('progress', async () => (await server.client.task(work.id)).progress > 0);
    send_signal(child, 'SIGSTOP');
    const task = await server.client.finished(work.id);
    assert.equal(task.state, 'failed');
    assert.equal(task.error.code, 'timed_out');
    assert.match(task.error.message, /progress/);
    await until('the child to be gone', () => !is_alive(child));
    const input = (await server.client.upload(short_clip().bytes, 'clip.avi')).input;
    await server.client.done({ input, outputs: quick_outputs });
  } finally {
    await server.close();
  }
}, long);

check('a task that takes longer than a unit may is ended as timed out', async () => {
  const server = await Server.start({ flags: ['--worker-wall', '2s'] });
  try {
    const { id } = await submit_long(server.client, { max_attempts: 1 });
    const task = await server.client.finished(id);
    assert.equal(task.state, 'failed');
    assert.equal(task.error.code, 'timed_out');
  } finally {
    await server.close();
  }
}, long);

// --- a full disk ---

/// Piece by piece with pauses, so that an answer is seen before much more is sent.
async function* unhurried(bytes) {
  for (let at = 0; at < bytes.length; at += 256 << 10) {
    yield bytes.subarray(at, at + (256 << 10));
    await sleep(5);
  }
}

const free_bytes = (folder) =>
  Number(/(\d+)\s*$/.exec(spawnSync('df', ['-B1', '--output=avail', folder]).stdout.toString())[1]);

check('a full disk is said clearly, and the server still answers', async () => {
  const data = temp_folder('full');
  const unmount = mount(data, 'size=16m');
  const flags = unmount ? ['--worker-min-free', '0'] : ['--worker-min-free', '4000G'];
  if (!unmount) console.log('no mount: the disk is declared full by worker.min_free');
  let server = null;
  try {
    server = await Server.start({ data, flags, ready: '/livez', make_key: false });
    const big = Buffer.alloc(24 << 20, 'x');
    const announced = await server.client.raw('POST', '/api/v1/files?name=big', {
      body: big, headers: { Expect: '100-continue' },
    });
    assert_problem(announced, 507, 'out_of_space');
    const body = Readable.from(unhurried(big));
    const chunked = await server.client.raw('POST', '/api/v1/files?name=big', { body });
    assert_problem(chunked, 507, 'out_of_space');
    assert.deepEqual((await server.client.get('/api/v1/files')).files, []);
    const uploads = path.join(data, 'uploads');
    assert.deepEqual(fs.readdirSync(uploads), [], 'what did not fit is removed');
    assert.equal((await server.client.raw('GET', '/api/v1/tasks')).status, 200);
    if (!unmount) {
      const { id } = await server.client.submit({ input: 'https://example.com/a.mp4',
                                                  max_attempts: 1 });
      const task = await server.client.finished(id);
      assert.equal(task.error.code, 'out_of_space');
      return;
    }

    const file = await server.client.upload(short_clip().bytes, 'clip.avi');
    const good = await server.client.done({ input: file.input, outputs: quick_outputs });
    await assert_whole_output(good);
    const filler = path.join(data, 'filler');
    const free = free_bytes(data);
    fs.writeFileSync(filler, Buffer.alloc(Math.max(0, free - (1 << 20))));
    const video = { crf: 0, preset: 'ultrafast', short_side: 480, enlarge: true };
    const outputs = [{ name: 'v', type: 'video', video }];
    const { id } = await server.client.submit({ input: file.input, outputs, max_attempts: 1 });
    const task = await server.client.finished(id);
    assert.equal(task.state, 'failed');
    assert.equal(task.error.code, 'out_of_space', JSON.stringify(task.error));
    assert.ok(task.error.message.length > 15);
    assert.equal((await server.client.raw('GET', `/api/v1/tasks/${id}`)).status, 200);
    fs.rmSync(filler);
    await server.client.json('POST', `/api/v1/tasks/${id}/retry`);
    await server.client.succeeded(id);
  } finally {
    if (server) await server.close().finally(() => unmount?.());
    else unmount?.();
    remove_folder(data);
  }
}, long);

check('a disk below the free space to be kept takes no work and says so', async () => {
  const server = await Server.start({ flags: ['--worker-min-free', '4000G'], ready: '/livez' });
  try {
    const ready = await call('GET', `${server.url}/readyz`);
    assert.ok([503, 507].includes(ready.status), ready.text);
    assert.equal(ready.json().code, 'out_of_space');
    const health = await call('GET', `${server.url}/healthz`);
    assert.match(health.text, /disk/);
    const { id } = await server.client.submit({ input: 'https://example.com/a.mp4',
                                                max_attempts: 1 });
    const task = await server.client.finished(id);
    assert.equal(task.state, 'failed');
    assert.equal(task.error.code, 'out_of_space');
    assert.match(task.error.message, /min_free|free some/);
  } finally {
    await server.close();
  }
});

// --- after a crash ---

check('a task that was running when the server was killed goes on after the restart', async () => {
  const server = await Server.start();
  try {
    const work = await submit_long(server.client);
    await until('a media child', () => media_children_of(server.pid).length > 0);
    const child = media_children_of(server.pid)[0];
    const zygotes = zygotes_of(server.pid);
    await server.kill();
    await until('its media processes to end',
                () => !is_alive(child) && zygotes.every((pid) => !is_alive(pid)));
    await server.launch();
    const history = await assert_done_once(server.client, work);
    assert.ok(history.some((e) => e.type === 'unit.lost'), 'the loss is told');
    assert.deepEqual(fs.readdirSync(path.join(server.data, 'work')), []);
  } finally {
    await server.close();
  }
}, long);

check('a media process that dies costs one attempt and nothing else', async () => {
  const server = await Server.start();
  try {
    const work = await submit_long(server.client);
    const child = await until('a media child', () => media_children_of(server.pid)[0]);
    send_signal(child, 'SIGKILL');
    await until('the loss to be told', async () =>
      (await server.client.history(work.id)).some((e) => e.error?.code === 'worker_lost'));
    const zygote = zygotes_of(server.pid)[0];
    await until('another media child', () => media_children_of(server.pid)[0]);
    send_signal(zygote, 'SIGKILL');
    await assert_done_once(server.client, work);
    assert.ok(zygotes_of(server.pid).length === 1, 'a new parent of media processes is there');
    assert.notEqual(zygotes_of(server.pid)[0], zygote);
  } finally {
    await server.close();
  }
}, long);

check('an unused media process is put to rest, and the next work starts another', async () => {
  const server = await Server.start({ flags: ['--worker-warm', '1s'] });
  try {
    assert.ok(!libraries_of(server.pid).some((name) => name.startsWith('libav')),
              'the server has no media library in it');
    const [first] = zygotes_of(server.pid);
    assert.ok(libraries_of(first).some((name) => name.startsWith('libavcodec')));
    await until('the media process to rest', () => !is_alive(first));
    const small = short_clip().path;
    const { input } = await server.client.upload(fs.readFileSync(small), 'small.mp4');
    const outputs = [{ name: 'cover', type: 'cover' }];
    for (let i = 0; i < 2; ++i) {
      await server.client.succeeded((await server.client.submit({ input, outputs })).id);
    }
    const [second] = zygotes_of(server.pid);
    await until('the next to rest', () => !is_alive(second));
    assert.notEqual(second, first);
    assert.ok(!server.process.describe_log().includes('media process is gone'), 'no accident');
  } finally {
    await server.close();
  }
});

check('a program that was moved without its media program says so', async () => {
  const folder = temp_folder('alone');
  try {
    const alone = path.join(folder, 'telecine');
    fs.copyFileSync(binary, alone);
    const data = path.join(folder, 'data');
    const end = spawnSync(alone, ['serve', '--data', data, '--listen', '127.0.0.1:0'],
                          { encoding: 'utf8', timeout: 60_000, env: {} });
    assert_refused({ ...end, code: end.status }, /telecine-media.*beside/);
  } finally {
    remove_folder(folder);
  }
});

check('a media process can open no file and reach no network', async () => {
  const server = await Server.start({ flags: ['--worker-drain', '1s'] });
  try {
    await submit_long(server.client);
    const child = await until('a media child', () => media_children_of(server.pid)[0]);
    const status = await until('its system-call filter', () => {
      const text = fs.readFileSync(`/proc/${child}/status`, 'utf8');
      return /Seccomp:\s+2/.test(text) ? text : null;
    });
    assert.match(status, /NoNewPrivs:\s+1/);
    if (process.getuid() !== 0) return; // only root may look at its descriptors
    const links = fs.readdirSync(`/proc/${child}/fd`)
      .map((fd) => fs.readlinkSync(`/proc/${child}/fd/${fd}`));
    for (const link of links) {
      assert.ok(!link.endsWith('telecine.db') && !/-wal$|-shm$|first\.key|link\.key/.test(link),
                `it holds ${link}`);
    }
  } finally {
    await server.close();
  }
}, long);

check('an unknown command line is answered with usage, not with a server', async () => {
  const odd = new Process(binary, ['sevre'], { label: 'typo' });
  const end = await odd.wait();
  assert.notEqual(end.code, 0);
  assert.match(odd.stderr, /serve/);
});
