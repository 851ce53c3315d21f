// The kill loop: server, worker, media children and their parent die by SIGKILL at random moments
// while tasks run. Nothing that was answered is lost, nothing is done twice, every output is whole.
//
// TELECINE_KILLS sets how many (50), TELECINE_SEED repeats a run's choices.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { final_states } from './support/api.mjs';
import { png } from './support/gateway.mjs';
import { call } from './support/http.mjs';
import {
  assert_decodes, ffprobe, jpeg_size, lacks_tools, md5, mp4_samples, synthesised,
} from './support/media.mjs';
import { is_alive, media_children_of, send_signal, zygotes_of } from './support/processes.mjs';
import { Server, Worker } from './support/server.mjs';
import { MediaSource } from './support/source.mjs';
import { check, random_from, sleep, temp_folder, until } from './support/suite.mjs';

const kills = Number(process.env.TELECINE_KILLS ?? 50);
const seed = Number(process.env.TELECINE_SEED ?? Date.now() % 1_000_000_007);
const most_open = 12;
const most_probes = 200;
const minute = 60_000;

const clip = synthesised({ frames: 70 });
const video = (short_side) => ({ short_side, preset: 'veryslow', crf: 18 });
const outputs = [
  { name: '240p', type: 'video', video: video(240) },
  { name: '180p', type: 'video', video: video(180) },
  { name: '120p', type: 'video', video: video(120) },
  { name: 'hls', type: 'hls', segment: 1, renditions: [{ name: '120p', video: video(120) }] },
  { name: 'cover', type: 'cover' },
];

/// Submits with idempotency keys until told to stop: as many transcodes as keep the machine busy,
/// and a trickle of probes, so that many a kill falls into a submit. A submit whose answer was
/// lost is repeated with its key. `answered` holds what was promised.
class Submitter {
  constructor(server, inputs, random) {
    this.server = server;
    this.inputs = inputs;
    this.random = random;
    this.answered = new Map(); // key → task id
    this.pending = [];
    this.keys = 0;
    this.repeats = 0;
    this.replays = 0;
    this.stopped = false;
    this.abandoned = false; // the server is gone for good
  }

  async #submit(request) {
    const key = `kill-${this.keys++}`;
    const input = this.inputs[this.keys % this.inputs.length];
    const body = { input, max_attempts: 10, ...request };
    while (!this.abandoned) {
      try {
        const answer = await this.server.client.raw('POST', '/api/v1/tasks', {
          body, headers: { 'Idempotency-Key': key }, timeout: 20_000,
        });
        if (answer.status === 202) {
          if (answer.headers['idempotent-replayed']) this.replays += 1;
          this.answered.set(key, answer.json().id);
          return;
        }
        assert.equal(answer.status, 503, `submit: ${answer.status} ${answer.text}`);
      } catch (error) {
        if (error instanceof assert.AssertionError) throw error;
        this.repeats += 1;
      }
      await sleep(20);
    }
  }

  async #open() {
    let count = 0;
    for (const state of ['queued', 'downloading', 'running']) {
      const page = await this.server.client.get(`/api/v1/tasks?state=${state}&limit=100`,
                                                { timeout: 20_000 });
      count += page.tasks.filter((task) => task.kind === 'transcode').length;
    }
    return count;
  }

  async #transcodes() {
    while (!this.stopped) {
      const open = await this.#open().catch(() => most_open);
      if (open < most_open && !this.stopped) await this.#submit({ outputs });
      await sleep(this.random() * 800);
    }
  }

  async #probes() {
    for (let i = 0; i < most_probes && !this.stopped; i++) {
      await this.#submit({ kind: 'probe' });
      await sleep(this.random() * 300);
    }
  }

  /// Submits on their way when the server dies: some answered, some stored and not answered.
  burst() {
    for (let i = 0; i < 4; i++) this.pending.push(this.#submit({ kind: 'probe' }));
  }

  async run() {
    await Promise.all([this.#transcodes(), this.#probes()]);
    await Promise.all(this.pending);
  }
}

/// Asks for random promised tasks all the while: none may be unknown, and none may leave a final
/// state that it showed.
class Reader {
  constructor(submitter, random) {
    this.submitter = submitter;
    this.random = random;
    this.ended = new Map();
    this.reads = 0;
    this.stopped = false;
  }

  async run() {
    while (!this.stopped) {
      const ids = [...this.submitter.answered.values()];
      if (ids.length === 0) {
        await sleep(50);
        continue;
      }
      const id = ids[Math.floor(this.random() * ids.length)];
      const answer = await this.submitter.server.client
        .raw('GET', `/api/v1/tasks/${id}`, { timeout: 20_000 }).catch(() => null);
      if (answer && answer.status !== 503) this.#judge(id, answer);
      await sleep(50);
    }
  }

  #judge(id, answer) {
    assert.equal(answer.status, 200, `a promised task: ${answer.text}`);
    this.reads += 1;
    const { state } = answer.json();
    const before = this.ended.get(id);
    if (before) assert.equal(state, before, `${id} left its final state`);
    if (final_states.includes(state)) this.ended.set(id, state);
  }
}

/// Chooses and performs the kills.
class Killer {
  constructor(server, worker, submitter, random) {
    this.server = server;
    this.worker = worker;
    this.submitter = submitter;
    this.random = random;
    this.done = { server: 0, worker: 0, child: 0, zygote: 0 };
    this.zygotes = new Set();
  }

  get total() {
    return Object.values(this.done).reduce((a, b) => a + b, 0);
  }

  #pids() {
    const pids = [this.server.pid, this.worker.pid];
    for (const pid of pids) for (const zygote of zygotes_of(pid)) this.zygotes.add(zygote);
    return pids;
  }

  async #kill_server() {
    this.submitter.burst();
    await sleep(this.random() * 12);
    await this.server.kill();
    await sleep(this.random() * 400);
    await this.server.launch();
    return true;
  }

  async #kill_worker() {
    await this.worker.kill();
    await sleep(this.random() * 400);
    this.worker.launch();
    return true;
  }

  async #kill_child() {
    const child = await until('a media child', () => {
      const all = this.#pids().flatMap(media_children_of);
      return all[Math.floor(this.random() * all.length)];
    }, { guard: 5000, every: 5 }).catch(() => null);
    if (child === null) return false;
    await sleep(this.random() * 150);
    return send_signal(child, 'SIGKILL');
  }

  async #kill_zygote() {
    const all = this.#pids().flatMap(zygotes_of);
    if (all.length === 0) return false;
    return send_signal(all[Math.floor(this.random() * all.length)], 'SIGKILL');
  }

  async once() {
    this.#pids();
    const choice = this.random();
    if (choice < 0.3) this.done.server += Number(await this.#kill_server());
    else if (choice < 0.55) this.done.worker += Number(await this.#kill_worker());
    else if (choice < 0.88) this.done.child += Number(await this.#kill_child());
    else this.done.zygote += Number(await this.#kill_zygote());
  }

  async run() {
    for (let tries = 0; this.total < kills; tries++) {
      assert.ok(tries < kills * 5, 'there is hardly anything to kill');
      await sleep(50 + this.random() * 1000);
      await this.once();
    }
  }
}

/// Every file of a task, fetched whole; the encoded ones also decoded.
async function assert_whole(task, folder) {
  const files = [];
  assert.deepEqual(task.outputs.map((o) => o.name), outputs.map((o) => o.name));
  for (const output of task.outputs) {
    assert.equal(output.state, 'succeeded', `${task.id} ${output.name}`);
    const answer = await call('GET', output.url);
    assert.equal(answer.status, 200, `${task.id} ${output.name}: ${answer.text.slice(0, 200)}`);
    if (output.type === 'hls') {
      files.push(await fetch_rendition(task, output, answer.text, folder));
      continue;
    }
    assert.equal(answer.body.length, output.files[0].size);
    assert.equal(md5(answer.body), output.files[0].md5);
    if (output.type === 'cover') {
      assert.deepEqual(jpeg_size(answer.body), { width: clip.width, height: clip.height });
      continue;
    }
    assert.equal(mp4_samples(answer.body).vide, clip.frames, `${task.id} ${output.name}`);
    const file = path.join(folder, `${task.id}-${output.name}.mp4`);
    fs.writeFileSync(file, answer.body);
    files.push(file);
  }
  if (!lacks_tools) {
    for (const file of files) {
      const seen = await ffprobe(file, { count: true });
      assert.equal(Number(seen.video.nb_read_frames), clip.frames, file);
    }
    await assert_decodes(files[0]);
  }
  for (const file of files) fs.rmSync(file);
}

async function fetch_rendition(task, output, master, folder) {
  const line = master.split('\n').find((text) => text && !text.startsWith('#'));
  const place = new URL(line, output.url).href;
  const playlist = await call('GET', place);
  assert.equal(playlist.status, 200, place);
  assert.match(playlist.text, /#EXT-X-ENDLIST/);
  const parts = [/#EXT-X-MAP:URI="([^"]+)"/.exec(playlist.text)[1]];
  parts.push(...playlist.text.split('\n').filter((text) => text && !text.startsWith('#')));
  assert.ok(parts.length >= 3, 'an initialisation and several segments');
  const bytes = [];
  for (const part of parts) {
    const answer = await call('GET', new URL(part, place).href);
    assert.equal(answer.status, 200, part);
    bytes.push(answer.body);
  }
  const file = path.join(folder, `${task.id}-hls.mp4`);
  fs.writeFileSync(file, Buffer.concat(bytes));
  return file;
}

async function all_tasks(client) {
  const tasks = [];
  let cursor = '';
  do {
    const page = await client.get(`/api/v1/tasks?limit=200${cursor && `&cursor=${cursor}`}`);
    tasks.push(...page.tasks);
    cursor = page.next_cursor;
  } while (cursor);
  return tasks;
}

const leftovers = (data) =>
  ['work', 'fetched'].flatMap((name) => {
    const folder = path.join(data, name);
    return fs.existsSync(folder) ? fs.readdirSync(folder).map((one) => `${name}/${one}`) : [];
  });

check(`${kills} kills of server, worker and media processes lose and double nothing`, async (t) => {
  console.log(`kill loop: ${kills} kills, TELECINE_SEED=${seed}`);
  const source = await MediaSource.start();
  const folder = temp_folder('kill');
  const flags = ['--network-allow-addresses', source.address, '--worker-lease', '5s'];
  const server = await Server.start({ flags });
  const worker = new Worker(server.data, flags);
  let closed = false;
  const loops = [];
  try {
    // An image to be fetched beside the input: a unit of its own.
    const logo = source.serve('/logo.png', 'ok', png(16, 16), 'image/png');
    outputs[1].video.watermarks = [{ image: logo, corner: 'centre' }];
    const uploaded = await server.client.upload(clip.bytes, 'clip.avi');
    const remote = source.serve('/clip.avi', 'ok', clip.bytes, 'video/x-msvideo');
    const submitter = new Submitter(server, [uploaded.input, remote], random_from(seed + 2));
    const reader = new Reader(submitter, random_from(seed + 1));
    loops.push(submitter, reader);
    const killer = new Killer(server, worker, submitter, random_from(seed));
    const submitting = submitter.run();
    const reading = reader.run();
    // Whichever fails first is what is reported.
    await Promise.race([killer.run(), submitting, reading]);
    submitter.stopped = true;
    await submitting;
    const ids = [...submitter.answered.values()];
    t.diagnostic(`kills ${JSON.stringify(killer.done)}, ${ids.length} tasks, ` +
                 `${submitter.repeats} submits repeated, ${submitter.replays} of them had been ` +
                 `done, ${reader.reads} reads`);
    assert.equal(killer.total, kills);
    for (const id of ids) await server.client.succeeded(id, { guard: 5 * minute });
    reader.stopped = true;
    await reading;

    assert.equal(new Set(ids).size, submitter.keys, 'a key, a task');
    const tasks = await all_tasks(server.client);
    assert.deepEqual(tasks.map((task) => task.id).sort(), [...ids].sort(),
                     'exactly the tasks that were answered are there');
    let losses = 0;
    for (const { id } of tasks) {
      const history = await server.client.history(id);
      const ends = history.filter((event) => final_states.includes(event.state));
      assert.deepEqual(ends.map((event) => event.type), ['task.succeeded'], `${id} ended once`);
      assert.equal(history.at(-1).type, 'task.succeeded', 'and nothing came after');
      losses += history.filter((event) => ['unit.lost', 'unit.failed'].includes(event.type)).length;
    }
    const transcodes = tasks.filter((task) => task.kind === 'transcode').length;
    t.diagnostic(`${transcodes} transcodes; ${losses} units were lost and taken up again`);
    assert.ok(transcodes >= 12, 'there was work to disturb');
    assert.ok(losses > 0, 'the kills hit work in hand');
    for (const { id } of tasks) {
      const task = await server.client.task(id);
      if (task.kind === 'transcode') await assert_whole(task, folder);
      else assert.equal(task.source.video[0].frames, clip.frames);
    }

    await worker.terminate();
    const early = leftovers(server.data);
    if (early.length > 0) t.diagnostic(`before a restart: ${early.join(' ')}`);
    await server.restart();
    await until('leftovers to be cleaned up', () => leftovers(server.data).length === 0,
                { guard: 30_000 });
    const end = await server.terminate();
    closed = true;
    assert.equal(end.code, 0);
    for (const pid of killer.zygotes) assert.ok(!is_alive(pid), `media parent ${pid} is left over`);
  } finally {
    for (const loop of loops) loop.stopped = loop.abandoned = true;
    await worker.close();
    if (!closed) await server.kill();
    await server.close();
    await source.close();
  }
}, { timeout: 14 * minute });
