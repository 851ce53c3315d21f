// The command line, as people and scripts use it.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import fs from 'node:fs';
import path from 'node:path';
import { free_port } from './support/http.mjs';
import {
  assert_decodes, assert_faststart, jpeg_size, lacks_tools, ffprobe, long_work, md5, mp4_samples,
  short_clip,
} from './support/media.mjs';
import { Server, run } from './support/server.mjs';
import { MediaSource } from './support/source.mjs';
import { check, remove_folder, sleep, temp_folder } from './support/suite.mjs';

const exit = { done: 0, failed: 1, usage: 2, unreachable: 3, not_allowed: 4, not_there: 5 };
const quick = ['--height', '120', '--preset', 'ultrafast'];
const long = { timeout: 600_000 };
const nobody = '0'.repeat(31) + '1';
let server;
let source;
let folder;
let clip;

before(async () => {
  folder = temp_folder('cli');
  clip = short_clip().path;
  source = await MediaSource.start();
  server = await Server.start({ make_key: false,
                                flags: ['--network-allow-addresses', source.address] });
}, { timeout: 120_000 });
after(async () => {
  await server?.close();
  await source?.close();
  if (folder) remove_folder(folder);
}, { timeout: 180_000 });

/// A command that talks to the server of these checks.
const client = (...args) => run([...args, '--server', server.url, '--key', server.token]);

async function json_of(...args) {
  const end = await client(...args, '--json');
  assert.equal(end.code, exit.done, `${end.command}: ${end.stderr}`);
  return parsed(end);
}
function parsed(end) {
  try {
    return JSON.parse(end.stdout);
  } catch {
    throw new Error(`${end.command} printed no JSON: ${end.stdout}\n${end.stderr}`);
  }
}
function assert_exit(end, code, words) {
  assert.equal(end.code, code, `${end.command}: ${end.stdout}${end.stderr}`);
  if (words) assert.match(end.stderr, words);
}

// --- tasks ---

check('submit uploads a file, waits and prints the task', async () => {
  const task = await json_of('submit', clip, ...quick, '--wait', '-m', 'show=pilot',
                             '--priority', '2');
  assert.equal(task.state, 'succeeded');
  assert.deepEqual(task.metadata, { show: 'pilot' });
  assert.equal(task.priority, 2);
  assert.equal(task.outputs[0].facts.video[0].height, 120);
  const file = (await server.client.get('/api/v1/files')).files[0];
  assert.equal(file.name, path.basename(clip));
  assert.equal(file.md5, md5(fs.readFileSync(clip)));
});

check('submit takes a URL, a template and a list of outputs', async () => {
  const url = source.serve('/clip.avi', 'ok', short_clip().bytes);
  const first = await json_of('submit', url, '--template', 'cover', '--wait');
  assert.equal(first.template, 'cover');
  assert.equal(first.input, url);
  const list = path.join(folder, 'outputs.json');
  fs.writeFileSync(list, '[{"name": "still", "type": "cover", "short_side": 90}]');
  const second = await json_of('submit', url, '--outputs', `@${list}`, '--wait');
  assert.deepEqual(second.outputs.map((o) => o.name), ['still']);
  const third = await json_of('submit', url, '--kind', 'probe', '--wait');
  assert.equal(third.source.video[0].width, 320);
});

check('submit with --wait ends with 1 when the task fails', async () => {
  const page = path.join(folder, 'page.mp4');
  fs.writeFileSync(page, '<html>not a video</html>');
  const end = await client('submit', page, ...quick, '--wait', '--json');
  assert_exit(end, exit.failed);
  const task = parsed(end);
  assert.equal(task.state, 'failed');
  assert.equal(task.error.code, 'not_media');
  const plain = await client('submit', page, ...quick, '--wait');
  assert_exit(plain, exit.failed);
  assert.match(plain.stdout, /not_media/);
});

check('submit prints facts and links for people', async () => {
  const end = await client('submit', clip, ...quick, '--wait');
  assert_exit(end, exit.done);
  assert.match(end.stdout, /succeeded/);
  assert.match(end.stdout, /160x120/);
  assert.match(end.stdout, new RegExp(`${server.url}/objects/`));
  // Not a terminal: no escape sequences.
  assert.doesNotMatch(end.stdout + end.stderr, /\u001b/);
});

check('submit with one idempotency key makes one task', async () => {
  const url = source.serve('/once.avi', 'ok', short_clip().bytes);
  const args = ['submit', url, ...quick, '--idempotency-key', 'cli-1'];
  const first = await json_of(...args);
  const second = await json_of(...args);
  assert.equal(first.id, second.id);
  const other = await client('submit', url, '--height', '90', '--idempotency-key', 'cli-1');
  assert_exit(other, exit.failed, /idempotency/i);
});

check('get shows a task, list the tasks', async () => {
  const { id } = await json_of('submit', clip, ...quick, '--wait');
  const task = await json_of('get', id);
  assert.equal(task.id, id);
  const plain = await client('get', id);
  assert_exit(plain, exit.done);
  assert.ok(plain.stdout.includes(id));
  const listed = await json_of('list', '--limit', '1');
  assert.deepEqual(listed.tasks.map((t) => t.id), [id]);
  const lines = await client('list', '--state', 'succeeded');
  assert_exit(lines, exit.done);
  assert.ok(lines.stdout.split('\n').some((line) => line.startsWith(id)));
  assert_exit(await client('list', '--state', 'cooking'), exit.usage, /succeeded/);
});

check('watch follows a task to its end', async () => {
  const { id } = await json_of('submit', clip, ...quick);
  const task = await json_of('watch', id);
  assert.equal(task.id, id);
  assert.equal(task.state, 'succeeded');
});

check('cancel stops a task, retry takes it up again', async () => {
  const { source: file, outputs } = long_work();
  const { id } = await json_of('submit', file.path, '--outputs', JSON.stringify(outputs));
  assert.equal((await json_of('cancel', id)).state, 'cancelled');
  assert_exit(await client('cancel', id), exit.failed, /cancelled|ended/);
  assert_exit(await client('watch', id), exit.failed);
  assert.notEqual((await json_of('retry', id)).state, 'cancelled');
  assert.equal((await json_of('cancel', id)).state, 'cancelled');
}, long);

check('watch ends with 1 when the task is cancelled meanwhile', async () => {
  const { source: file, outputs } = long_work();
  const { id } = await json_of('submit', file.path, '--outputs', JSON.stringify(outputs));
  const watching = client('watch', id);
  await server.client.in_state(id, 'running');
  await sleep(300);
  await server.client.json('POST', `/api/v1/tasks/${id}/cancel`);
  assert_exit(await watching, exit.failed);
}, long);

check('watch lives through a restart of the server', async () => {
  const { source: file } = long_work();
  const { id } = await json_of('submit', file.path, '--short-side', '360', '--preset', 'slow');
  const watching = client('watch', id, '--json');
  await server.client.in_state(id, 'running');
  await server.kill();
  await server.launch();
  const end = await watching;
  assert_exit(end, exit.done);
  assert.equal(parsed(end).state, 'succeeded');
}, long);

check('exit codes tell what kind of trouble there was', async () => {
  assert_exit(await client('get', nobody), exit.not_there, /no such task|not there|no task/i);
  assert_exit(await client('get', 'zzz'), exit.not_there);
  assert_exit(await client('submit', path.join(folder, 'absent.mp4')), exit.not_there, /absent/);
  const wrong = ['--server', server.url, '--key', 'sk-first.wrong-secret'];
  assert_exit(await run(['list', ...wrong]), exit.not_allowed, /key/);
  const port = await free_port();
  assert_exit(await run(['list', '--server', `http://127.0.0.1:${port}`]), exit.unreachable,
              /no answer|serve/);
  assert_exit(await client('submit', clip, '--crf', '99'), exit.usage, /crf/);
  assert_exit(await client('submit', clip, '--priority', 'high'), exit.usage, /priority/);
  assert_exit(await client('submit', clip, '--tempalte', 'ladder'), exit.usage, /--template/);
  assert_exit(await client('submit'), exit.usage);
  assert_exit(await run(['sbumit', clip]), exit.usage, /submit/);
  assert_exit(await run([]), exit.usage);
  assert_exit(await client('submit', clip, '--template', 'lader'), exit.usage, /ladder/);
});

check('the key and the server can come from the environment or the data directory', async () => {
  const env = { TELECINE_SERVER: server.url, TELECINE_KEY: server.token };
  assert_exit(await run(['list', '--json'], { env }), exit.done);
  const near = ['list', '--json', '--server', server.url, '--data', server.data];
  assert_exit(await run(near), exit.done);
});

check('nothing but JSON goes to standard output with --json', async () => {
  const end = await client('submit', clip, ...quick, '--wait', '--json');
  assert.equal(end.stdout.trim().split('\n').length, 1);
  const failing = await client('get', nobody, '--json');
  assert.ok(failing.stdout === '' || JSON.parse(failing.stdout));
});

// --- without a server ---

check('probe shows the facts of a file', async () => {
  const end = await run(['probe', clip, '--json']);
  assert_exit(end, exit.done);
  const facts = parsed(end);
  const wanted = short_clip();
  assert.equal(facts.video[0].width, wanted.width);
  assert.equal(facts.video[0].frames, wanted.frames);
  assert.equal(facts.video[0].constant_frame_rate, true);
  assert.equal(facts.audio[0].channels, 1);
  assert.ok(Math.abs(facts.duration - wanted.seconds) < 0.05, `${facts.duration} s`);
  const plain = await run(['probe', clip]);
  assert_exit(plain, exit.done);
  assert.match(plain.stdout, /320x240/);
  const page = path.join(folder, 'page.html');
  fs.writeFileSync(page, '<html></html>');
  assert_exit(await run(['probe', page]), exit.failed, /media|video/);
  assert_exit(await run(['probe', path.join(folder, 'absent')]), exit.not_there, /absent/);
  assert_exit(await run(['probe', folder]), exit.usage);
});

check('transcode makes the outputs right here', async () => {
  const out = path.join(folder, 'out');
  const outputs = [{ name: 'small', type: 'video', video: { height: 120, preset: 'ultrafast' } },
                   { name: 'still', type: 'cover' },
                   { name: 'hls', type: 'hls', segment: 1,
                     renditions: [{ name: 'low', video: { height: 90, preset: 'ultrafast' } }] }];
  const args = ['transcode', clip, '--output-dir', out, '--outputs', JSON.stringify(outputs)];
  const end = await run([...args, '--json']);
  assert_exit(end, exit.done);
  const document = parsed(end);
  assert.equal(document.source.video[0].width, 320);
  assert.deepEqual(document.outputs.map((o) => o.state), ['succeeded', 'succeeded', 'succeeded']);
  const files = fs.readdirSync(out, { recursive: true }).map(String);
  const find = (pattern) => path.join(out, files.find((name) => pattern.test(name)));
  const video = find(/small\.mp4$/);
  const bytes = fs.readFileSync(video);
  assert_faststart(bytes);
  assert.equal(mp4_samples(bytes).vide, short_clip().frames);
  assert.deepEqual(jpeg_size(fs.readFileSync(find(/still\.jpg$/))), { width: 320, height: 240 });
  assert.ok(files.filter((name) => name.endsWith('.m3u8')).length >= 2);
  assert.ok(files.some((name) => name.endsWith('.m4s')));
  assert.ok(files.every((name) => !/\.(part|tmp)$/.test(name)), 'nothing half-done is left');
  if (!lacks_tools) {
    assert.equal((await ffprobe(video)).video.height, 120);
    await assert_decodes(video);
    await assert_decodes(find(/^hls\/[^/]*\.m3u8$/));
  }
  const again = await run(args);
  assert.notEqual(again.code, exit.done, 'files that are there are not replaced unasked');
  assert.match(again.stderr, /--force/);
  assert_exit(await run([...args, '--force']), exit.done);
}, long);

check('transcode puts sources one after the other', async () => {
  const out = path.join(folder, 'joined');
  const end = await run(['transcode', clip, '--then', clip, '--then', clip, '-d', out, ...quick,
                         '--json']);
  assert_exit(end, exit.done);
  const [output] = parsed(end).outputs;
  assert.equal(output.facts.video[0].frames, 3 * short_clip().frames);
  assert.equal(fs.readdirSync(out, { recursive: true }).length, output.files.length);
  const absent = await run(['transcode', clip, '--then', path.join(folder, 'absent'), '-d', out]);
  assert.notEqual(absent.code, exit.done);
  assert.match(absent.stderr, /inputs\[1\]/);
}, long);

check('transcode of something that is no media leaves nothing behind', async () => {
  const page = path.join(folder, 'page.avi');
  fs.writeFileSync(page, '<html></html>');
  const out = path.join(folder, 'nothing');
  const end = await run(['transcode', page, '--output-dir', out, ...quick]);
  assert_exit(end, exit.failed, /media|video/);
  assert.ok(!fs.existsSync(out) || fs.readdirSync(out).length === 0);
});

check('sample makes a clip with sound of the length asked for', async () => {
  const file = path.join(folder, 'sample.mp4');
  assert_exit(await run(['sample', file, '--seconds', '3', '--height', '180']), exit.done);
  const facts = parsed(await run(['probe', file, '--json']));
  assert.ok(Math.abs(facts.duration - 3) < 0.1, `${facts.duration} s`);
  assert.equal(facts.video[0].frames, 75);
  assert.equal(facts.video[0].height, 180);
  assert.equal(facts.audio[0].codec, 'aac');
  await assert_decodes(file);
});

// --- keys ---

check('key create, list and disable work on a data directory with a running server', async () => {
  const data = ['--data', server.data];
  const made = parsed(await run(['key', 'create', ...data, '--id', 'cli-key', '--secret',
                                 'cli-secret-1', '--app-id', '1251234567', '--json']));
  assert.equal(made.token, 'sk-cli-key.cli-secret-1');
  assert.equal(made.app_id, 1251234567);
  const holder = server.client_with(made.token);
  assert.equal((await holder.raw('GET', '/api/v1/tasks')).status, 200);
  const listed = await run(['key', 'list', ...data, '--json']);
  const row = parsed(listed).keys.find((key) => key.id === 'cli-key');
  assert.equal(row.disabled, false);
  assert.ok(!listed.stdout.includes('cli-secret-1'), 'no secrets in the list');
  const again = await run(['key', 'create', ...data, '--id', 'cli-key', '--secret', 'another-1']);
  assert_exit(again, exit.failed, /already/);
  assert_exit(await run(['key', 'disable', 'cli-key', ...data]), exit.done);
  await sleep(3000); // a running server notices within two seconds
  assert.equal((await holder.raw('GET', '/api/v1/tasks')).status, 401);
  const after_it = parsed(await run(['key', 'list', ...data, '--json']));
  assert.equal(after_it.keys.find((key) => key.id === 'cli-key').disabled, true);
  assert_exit(await run(['key', 'enable', 'cli-key', ...data]), exit.done);
  await sleep(3000);
  assert.equal((await holder.raw('GET', '/api/v1/tasks')).status, 200);
  assert_exit(await run(['key', 'disable', 'nobody', ...data]), exit.not_there);
});

check('key create without values makes some, and its plain output is the token', async () => {
  const end = await run(['key', 'create', '--data', server.data]);
  assert_exit(end, exit.done);
  const token = end.stdout.trim();
  assert.match(token, /^sk-[\w-]+\.\S{16,}$/);
  assert.equal((await server.client_with(token).raw('GET', '/api/v1/tasks')).status, 200);
});

check('key create takes its secret from a file and its scopes from a flag', async () => {
  const file = path.join(folder, 'secret.txt');
  fs.writeFileSync(file, 'from-a-file-1\n');
  const end = await run(['key', 'create', '--data', server.data, '--id', 'reader', '--secret-file',
                         file, '--scopes', 'read']);
  assert_exit(end, exit.done);
  const reader = server.client_with('sk-reader.from-a-file-1');
  assert.equal((await reader.raw('GET', '/api/v1/tasks')).status, 200);
  const body = { input: 'https://example.com/a.mp4' };
  assert.equal((await reader.raw('POST', '/api/v1/tasks', { body })).status, 403);
  const args = ['submit', 'https://example.com/a.mp4', '--server', server.url, '--key',
                'sk-reader.from-a-file-1'];
  assert_exit(await run(args), exit.not_allowed, /scope/);
  for (const bad of [['--id', 'a b'], ['--secret', 'short'], ['--scopes', 'cook'],
                     ['--app-id', 'x']]) {
    assert_exit(await run(['key', 'create', '--data', server.data, ...bad]), exit.usage);
  }
});

// --- templates ---

check('template list, show, put and delete', async () => {
  const listed = await json_of('template', 'list');
  assert.ok(listed.templates.some((t) => t.name === 'ladder' && t.built_in));
  const shown = await json_of('template', 'show', 'ladder');
  assert.equal(shown.name, 'ladder');
  assert.equal(shown.outputs.length, 5);
  const file = path.join(folder, 'mine.json');
  shown.outputs = [{ name: 'tiny', type: 'video', video: { height: 90, preset: 'ultrafast' } }];
  fs.writeFileSync(file, JSON.stringify(shown));
  assert_exit(await client('template', 'put', 'mine', file, '--description', 'Ours'), exit.done);
  assert.equal((await json_of('template', 'show', 'mine')).description, 'Ours');
  const task = await json_of('submit', clip, '--template', 'mine', '--wait');
  assert.equal(task.outputs[0].facts.video[0].height, 90);
  assert_exit(await client('template', 'put', 'ladder', file), exit.failed, /built-in/);
  fs.writeFileSync(file, '{"outputs": [{"type": "video", "video": {"crf": 77}}]}');
  assert_exit(await client('template', 'put', 'mine', file), exit.usage, /crf/);
  assert_exit(await client('template', 'show', 'nothing'), exit.not_there);
  assert_exit(await client('template', 'delete', 'mine'), exit.done);
  assert_exit(await client('template', 'show', 'mine'), exit.not_there);
  const offline = await run(['template', 'list', '--offline', '--json']);
  assert.ok(parsed(offline).templates.some((t) => t.name === 'mp4-720p'));
});

// --- the machine ---

check('config print shows what is in force and where it came from', async () => {
  const file = path.join(folder, 'telecine.toml');
  fs.writeFileSync(file, '[worker]\nstall = "45s"\nslots = 3\n');
  const end = await run(['config', 'print', '--config', file, '--worker-slots', '5'],
                        { env: { TELECINE_SERVER_RATE_PER_MINUTE: '99' } });
  assert_exit(end, exit.done);
  const row = (name) => end.stdout.split('\n').find((line) => line.startsWith(`${name} =`)) ?? '';
  assert.match(row('stall'), /45s.*telecine\.toml/);
  assert.match(row('slots'), /5.*--worker-slots/);
  assert.match(row('rate_per_minute'), /99.*TELECINE_SERVER_RATE_PER_MINUTE/);
  assert.match(row('listen'), /127\.0\.0\.1:8080.*default/);
  const printed = path.join(folder, 'printed.toml');
  fs.writeFileSync(printed, end.stdout);
  assert_exit(await run(['config', 'print', '--config', printed]), exit.done);
  assert_exit(await run(['config', 'print', '--worker-slots', 'many']), exit.usage, /slots/);
});

check('config print shows no secrets', async () => {
  const file = path.join(folder, 'keys.toml');
  fs.writeFileSync(file, '[[key]]\nid = "declared"\nsecret = "declared-secret-1"\n');
  const end = await run(['config', 'print', '--config', file]);
  assert_exit(end, exit.done);
  assert.match(end.stdout, /declared/);
  assert.ok(!end.stdout.includes('declared-secret-1'));
});

check('a key declared in the configuration file is good for calls', async () => {
  const file = path.join(folder, 'declared.toml');
  fs.writeFileSync(file, '[[key]]\nid = "declared"\nsecret = "declared-secret-1"\n' +
                         'scopes = ["read"]\nrate_per_minute = 2\n');
  const own = await Server.start({ flags: ['--config', file, '--worker-enabled=false'] });
  try {
    const holder = own.client_with('sk-declared.declared-secret-1');
    const statuses = [];
    for (let i = 0; i < 4; i++) statuses.push((await holder.raw('GET', '/api/v1/tasks')).status);
    assert.deepEqual(statuses.slice(0, 2), [200, 200]);
    assert.ok(statuses.includes(429), statuses.join(' '));
  } finally {
    await own.close();
  }
});

check('doctor tells what this machine can do', async () => {
  const end = await run(['doctor', '--data', server.data]);
  assert_exit(end, exit.done);
  for (const word of [/libav/, /encoders/, /sandbox/, /seccomp/, /fsync/, /disk/]) {
    assert.match(end.stdout, word);
  }
  const document = parsed(await run(['doctor', '--data', server.data, '--json']));
  assert.ok(document.findings.length > 5);
  assert.ok(document.findings.every((f) => ['good', 'warning', 'bad'].includes(f.health)));
  assert.ok(!document.findings.some((f) => f.health === 'bad'));
  const layers = document.findings.filter((f) => f.subject === 'sandbox');
  assert.ok(layers.some((f) => /seccomp is active/.test(f.text)), JSON.stringify(layers));
  const full = await run(['doctor', '--data', server.data, '--worker-min-free', '4000G']);
  assert_exit(full, exit.failed);
  assert.match(full.stdout, /min_free/);
});

check('migrate brings a data directory up to date', async () => {
  const data = path.join(folder, 'fresh');
  fs.mkdirSync(data);
  const end = await run(['migrate', '--data', data]);
  assert_exit(end, exit.done);
  assert.match(end.stdout, /version \d+/);
  assert.ok(fs.existsSync(path.join(data, 'telecine.db')));
});

check('every command explains itself', async () => {
  const commands = ['serve', 'worker', 'submit', 'get', 'watch', 'list', 'cancel', 'retry', 'probe',
                    'transcode', 'sample', 'key create', 'key list', 'key disable',
                    'template list', 'template show', 'template put', 'migrate', 'config print',
                    'doctor'];
  const root = await run(['--help']);
  assert_exit(root, exit.done);
  for (const command of commands) {
    assert.ok(root.stdout.includes(command.split(' ')[0]), `telecine --help names ${command}`);
    const end = await run([...command.split(' '), '--help']);
    assert_exit(end, exit.done);
    assert.match(end.stdout, /usage/i, command);
    assert.ok(end.stdout.length > 150, `${command} --help says something`);
    assert.match(end.stdout, /example|telecine /i, `${command} --help shows how`);
  }
  assert.match(root.stdout, /exit codes/i);
  const version = await run(['--version']);
  assert_exit(version, exit.done);
  assert.match(version.stdout, /\d+\.\d+/);
});

check('serve --help explains every setting', async () => {
  const end = await run(['serve', '--help']);
  for (const flag of ['--data', '--listen', '--worker-stall', '--worker-lease', '--worker-min-free',
                      '--network-allow-addresses', '--server-rate-per-minute', '--config']) {
    assert.ok(end.stdout.includes(flag), flag);
  }
});
