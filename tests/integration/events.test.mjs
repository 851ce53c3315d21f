// Server-sent events: what happens to tasks reaches whoever watches, once each, also after a break.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import fs from 'node:fs';
import { assert_problem, final_states } from './support/api.mjs';
import { has_shared_clips, clip, quick_outputs, short_clip, synthesised } from
  './support/media.mjs';
import { Server } from './support/server.mjs';
import { check, until } from './support/suite.mjs';

const long = { timeout: 600_000 };
let server;
let input;

before(async () => {
  server = await Server.start();
  input = (await server.client.upload(short_clip().bytes, 'clip.avi')).input;
}, { timeout: 120_000 });
after(() => server?.close(), { timeout: 180_000 });

/// Long enough for progress to be seen, short enough to wait for its end.
async function slow_task(client = server.client) {
  const file = has_shared_clips ? clip('bbb-1080p24.mp4')
    : synthesised({ width: 1280, height: 720, rate: 24, frames: 120 }).path;
  const uploaded = await client.upload(fs.createReadStream(file), 'slow');
  const video = { preset: 'slow', crf: 20, short_side: 480 };
  return client.submit({ input: uploaded.input, outputs: [{ name: 'v', type: 'video', video }] });
}

const changes = (messages) => messages.filter((m) => m.event === 'task');
const numbers = (messages) => messages.filter((m) => m.id).map((m) => Number(m.id));

function assert_growing(list) {
  for (let i = 1; i < list.length; i++) {
    assert.ok(list[i] > list[i - 1], `${list[i]} comes after ${list[i - 1]}`);
  }
}

// --- one task ---

check('the stream of a task begins with how it stands, tells every change and then ends',
      async () => {
  const { id } = await slow_task();
  const stream = await server.client.events(`/api/v1/tasks/${id}/events`);
  assert.equal(stream.status, 200);
  assert.match(stream.headers['content-type'], /^text\/event-stream/);
  const messages = await stream.all({ guard: 300_000 });
  const told = changes(messages);
  assert.ok(['queued', 'running'].includes(told[0].data.task.state), 'as it stands, at once');
  assert.ok(told.every((m) => m.data.task.id === id));
  assert.equal(told.at(-1).data.task.state, 'succeeded');
  assert.equal(messages.at(-1), told.at(-1), 'nothing comes after the end');
  assert.equal(told.filter((m) => final_states.includes(m.data.task.state)).length, 1);
  assert_growing(numbers(told.filter((m) => m.data.event)));
  assert.deepEqual(told.at(-1).data.task, await server.client.task(id));
}, long);

check('progress is told while a task runs and never goes back', async () => {
  const { id } = await slow_task();
  const stream = await server.client.events(`/api/v1/tasks/${id}/events`);
  const messages = await stream.all({ guard: 300_000 });
  const progress = messages.filter((m) => m.event === 'progress');
  assert.ok(progress.length >= 2, `${progress.length} progress events`);
  let last = 0;
  for (const { id: number, data } of progress) {
    assert.equal(number, null, 'progress is not resumable and has no number');
    assert.equal(data.id, id);
    assert.ok(data.progress >= last && data.progress <= 1, `${data.progress} after ${last}`);
    assert.equal(data.outputs.length, 1);
    assert.equal(data.outputs[0].name, 'v');
    last = data.progress;
  }
  assert.ok(last > 0);
  assert.ok(progress.some((m) => m.data.progress > 0 && m.data.progress < 1));
  assert.ok(progress.some((m) => m.data.speed > 0), 'the speed is told');
}, long);

check('progress also shows in the document of a running task', async () => {
  const { id } = await slow_task();
  const seen = new Set();
  await until('the task to end', async () => {
    const task = await server.client.task(id);
    if (task.state === 'running') seen.add(task.progress);
    return final_states.includes(task.state);
  }, { guard: 300_000, every: 200 });
  const between = [...seen].filter((p) => p > 0 && p < 1);
  assert.ok(between.length >= 2, `progress was seen as ${[...seen].join(' ')}`);
}, long);

check('the stream of a task that has ended tells its end and ends', async () => {
  const { id } = await server.client.done({ input, outputs: quick_outputs });
  const messages = await (await server.client.events(`/api/v1/tasks/${id}/events`)).all();
  assert.equal(changes(messages).length, messages.length);
  assert.equal(messages.at(-1).data.task.state, 'succeeded');
});

check('a stream resumed from the beginning tells the whole history', async () => {
  const { id } = await server.client.done({ input, outputs: quick_outputs });
  const history = await server.client.history(id);
  const stream = await server.client.events(`/api/v1/tasks/${id}/events`, { last_event_id: 0 });
  const told = changes(await stream.all()).filter((m) => m.data.event);
  assert.deepEqual(told.map((m) => m.data.event.seq), history.map((e) => e.seq));
  assert.deepEqual(told.map((m) => m.data.event.type), history.map((e) => e.type));
  assert.deepEqual(numbers(told), history.map((e) => e.seq));
});

check('the stream of a task follows it through cancel and retry', async () => {
  const { id } = await slow_task();
  const stream = await server.client.events(`/api/v1/tasks/${id}/events`);
  await stream.find('the first', (m) => m.event === 'task');
  await server.client.json('POST', `/api/v1/tasks/${id}/cancel`);
  const rest = changes(await stream.all());
  assert.equal(rest.at(-1).data.task.state, 'cancelled');
  await server.client.json('POST', `/api/v1/tasks/${id}/retry`);
  const again = await server.client.events(`/api/v1/tasks/${id}/events`);
  const told = changes(await again.all({ guard: 300_000 }));
  assert.equal(told.at(-1).data.task.state, 'succeeded');
}, long);

// --- an account ---

/// Reads the stream of all events until every one of the tasks has ended on it.
async function read_until_ended(stream, ids, messages = []) {
  const open = new Set(ids);
  for (const m of messages) note(m);
  function note(message) {
    const done = message.event === 'task' && final_states.includes(message.data.task.state);
    // The document may be ahead of the event that carries it: the event's own state counts.
    if (done && final_states.includes(message.data.event?.state)) open.delete(message.data.task.id);
  }
  while (open.size > 0) {
    const message = await stream.next({ guard: 300_000 });
    assert.ok(message, 'the stream of an account does not end by itself');
    messages.push(message);
    note(message);
  }
  return messages;
}

async function seqs_of(client, ids) {
  const all = [];
  for (const id of ids) all.push(...(await client.history(id)).map((e) => e.seq));
  return all.sort((a, b) => a - b);
}

check('the stream of an account tells every change of its tasks once and in order', async () => {
  const client = await server.client_of('watcher');
  const mine = (await client.upload(short_clip().bytes, 'clip.avi')).input;
  const stream = await client.events('/api/v1/events');
  const ids = [];
  for (let i = 0; i < 4; i++) ids.push((await client.submit({ input: mine,
                                                              outputs: quick_outputs })).id);
  const messages = changes(await read_until_ended(stream, ids));
  stream.close();
  const told = messages.map((m) => m.data.event.seq);
  assert.deepEqual(told, await seqs_of(client, ids));
  assert.deepEqual(numbers(messages), told);
});

check('a broken stream is resumed with no event lost or doubled', async () => {
  const client = await server.client_of('resumer');
  const mine = (await client.upload(short_clip().bytes, 'clip.avi')).input;
  const ids = [];
  const submit = async () => ids.push((await client.submit({ input: mine,
                                                             outputs: quick_outputs })).id);
  let stream = await client.events('/api/v1/events');
  const kept = [];
  for (let round = 0; round < 5; round++) {
    await submit();
    await submit();
    // Break off in the middle of what is going on, then let things happen while nobody listens.
    for (let i = 0; i <= round; i++) {
      const message = await stream.find('a change', (m) => m.event === 'task');
      kept.push(message);
    }
    stream.close();
    await submit();
    const last = Number(kept.at(-1).id);
    stream = await client.events('/api/v1/events', { last_event_id: last });
  }
  const messages = changes(await read_until_ended(stream, ids, kept));
  stream.close();
  assert.deepEqual(numbers(messages), await seqs_of(client, ids));
});

check('a stream is resumed across the sudden death of the server', async () => {
  const client = await server.client_of('survivor');
  const mine = (await client.upload(short_clip().bytes, 'clip.avi')).input;
  const stream = await client.events('/api/v1/events');
  const first = (await client.submit({ input: mine, outputs: quick_outputs })).id;
  const message = await stream.find('a change', (m) => m.event === 'task');
  await server.kill();
  while ((await stream.next()) !== null);
  await server.launch();
  const second = (await client.submit({ input: mine, outputs: quick_outputs })).id;
  const again = await client.events('/api/v1/events', { last_event_id: Number(message.id) });
  const messages = changes(await read_until_ended(again, [first, second], [message]));
  again.close();
  assert.deepEqual(numbers(messages), await seqs_of(client, [first, second]));
});

/// Two durable events each, on a server that works on nothing.
async function submit_and_cancel(client, count) {
  const metadata = { note: 'x'.repeat(1000) };
  const one = async () => {
    const { id } = await client.submit({ input: 'https://media.example.com/a.mp4', metadata });
    await client.json('POST', `/api/v1/tasks/${id}/cancel`);
  };
  for (let left = count; left > 0; left -= 50) {
    await Promise.all(Array.from({ length: Math.min(left, 50) }, one));
  }
}

check('a slow reader gets every change, of the past and of what happens meanwhile', async () => {
  const idle = await Server.start({ flags: ['--worker-enabled', 'false'] });
  try {
    await submit_and_cancel(idle.client, 800);
    const stream = await idle.client.events('/api/v1/events', { last_event_id: 0 });
    const numbers_of = async (count) => {
      const told = [];
      while (told.length < count) {
        const message = await stream.next();
        assert.ok(message, 'the stream does not end by itself');
        if (message.event === 'task') told.push(Number(message.id));
      }
      return told;
    };
    const past = await numbers_of(1600);
    stream.request.socket.pause();
    await submit_and_cancel(idle.client, 1500);
    stream.request.socket.resume();
    const all = [...past, ...(await numbers_of(3000))];
    assert_growing(all);
    await submit_and_cancel(idle.client, 1);
    assert_growing([all.at(-1), ...(await numbers_of(2))]);
    stream.close();
  } finally {
    await idle.close();
  }
}, long);

check("another account's events are not seen", async () => {
  const one = await server.client_of('left');
  const other = await server.client_of('right');
  const stream = await one.events('/api/v1/events');
  const theirs = (await other.upload(short_clip().bytes, 'clip.avi')).input;
  await other.done({ input: theirs, outputs: quick_outputs });
  const mine = (await one.upload(short_clip().bytes, 'clip.avi')).input;
  const { id } = await one.submit({ input: mine, outputs: quick_outputs });
  const messages = await read_until_ended(stream, [id]);
  stream.close();
  for (const { event, data } of messages) {
    assert.equal(event === 'progress' ? data.id : data.task.id, id);
  }
  const resumed = await one.events('/api/v1/events', { last_event_id: 0 });
  const told = await read_until_ended(resumed, [id]);
  resumed.close();
  assert.ok(changes(told).every((m) => m.data.task.id === id), 'nor after a resume');
});

check('a stream that cannot be had is refused with a problem', async () => {
  const wrong = await server.client.raw('GET', `/api/v1/tasks/${'0'.repeat(32)}/events`);
  assert_problem(wrong, 404, 'not_found');
  const headers = { 'Last-Event-ID': 'yesterday' };
  assert_problem(await server.client.raw('GET', '/api/v1/events', { headers }), 400,
                 'invalid_parameter');
});

check('many streams at once all hear of the same end', async () => {
  const { id } = await slow_task();
  const streams = await Promise.all(
    Array.from({ length: 20 }, () => server.client.events(`/api/v1/tasks/${id}/events`)));
  const ends = await Promise.all(streams.map((s) => s.all({ guard: 300_000 })));
  for (const messages of ends) assert.equal(messages.at(-1).data.task.state, 'succeeded');
}, long);
