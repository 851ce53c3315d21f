// Generation through a provider that misbehaves, and a server that is killed at every stage: one
// task, one job, one end.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before } from 'node:test';
import { Gateway, png } from './support/gateway.mjs';
import { call } from './support/http.mjs';
import { md5, synthesised } from './support/media.mjs';
import { Server } from './support/server.mjs';
import { check, random_from, sleep, temp_folder, until } from './support/suite.mjs';
import { VideoServer } from './support/videos.mjs';

let provider;
let server;
let veo;
let config;
let asked;  // the tasks of `ends`, by mode: all are under way at once
const very_long = { timeout: 600_000 };

/// What a provider in a mode leads to: how many submits, and why the task fails if it does.
const ends = {
  busy: { posts: 3 },
  '500': { posts: 1 },
  '500-empty': { posts: 2 },
  held: { posts: 1 },
  unknown: { posts: 1 },
  blip: { posts: 1 },
  babble: { posts: 1 },
  flaky: { posts: 1 },
  refused: { posts: 2, fails: /this prompt is not allowed, see \(address\)$/ },
  failed: { posts: 1, fails: /^refused by the provider: the scene is unsafe$/ },
  cancelled: { posts: 1, fails: /^refused by the provider: the provider cancelled the job$/ },
  lost: { posts: 1, fails: /the provider lost the job$/ },
  expired: { posts: 1, fails: /the provider does not have the result any more$/ },
  text: { posts: 1, fails: /^the provider's result is not a video$/ },
  empty: { posts: 1, fails: /^the provider's result is not a video$/ },
  gone: { posts: 1, fails: /the provider's result could not be fetched$/ },
  stuck: { posts: 1, fails: /^no result within 1 minute$/, model: 'veo3-pro' },
};

function configured(url) {
  const file = path.join(temp_folder('generation'), 'telecine.toml');
  const entry = (name, more = '', timeout = '1s') => `
[[generation.provider]]
name = "${name}"
url = "${url}/v1"
key = "secret-key"
poll_first = "100ms"
poll_every = "150ms"
backoff = "50ms"
submit_timeout = "${timeout}"
${more}`;
  const rule = (match, name) => `
[[generation.model]]
match = "${match}"
provider = "${name}"
as = "wan-2.2"
`;
  fs.writeFileSync(file, entry('hasty', 'deadline = "2s"') + entry('own') +
                         entry('patient', '', '60s') + rule('veo3-pro', 'hasty') +
                         rule('veo3-patient', 'patient') + rule('veo*', 'own'));
  return file;
}

const ask = (prompt, more = {}) => veo.create({ prompt, model: 'veo3-fast', duration: 1, ...more });

before(async () => {
  const clip = (frames) => synthesised({ width: 320, height: 180, frames }).bytes;
  provider = await VideoServer.start({ results: { avi: clip(25), long: clip(60) } });
  config = configured(provider.url);
  server = await Server.start({ flags: ['--config', config] });
  veo = new Gateway(server.client);
  const drawn = await server.client.done({ kind: 'generate',
                                           generation: { prompt: 'Source', duration: 1,
                                                         provider: 'animatic' } });
  provider.result = (await server.client.raw('GET', drawn.outputs[0].url)).body;
  asked = {};
  for (const [mode, { model = 'veo3-fast' }] of Object.entries(ends)) {
    asked[mode] = await ask(`[${mode}] A tram in the rain`, { model });
  }
}, { timeout: 120_000 });
after(async () => {
  await server?.close();
  await provider?.close();
}, { timeout: 120_000 });

for (const [mode, { posts, fails }] of Object.entries(ends)) {
  const end = fails ? 'fails the task' : 'makes one video';
  check(`a provider in the mode "${mode}" ${end}, of one job`, async () => {
    if (fails) await veo.failed(asked[mode], fails);
    else await veo.succeeded(asked[mode]);
    const prompt = `[${mode}] A tram in the rain`;
    assert.equal(provider.posts_for(prompt).length, posts);
    assert.ok(provider.jobs_for(prompt).length <= 1);
    if (mode === 'gone') assert.equal(provider.jobs_for(prompt)[0].fetches, 8);
    if (mode === 'stuck') {
      const [job] = provider.jobs_for(prompt);
      assert.ok(provider.deleted.includes(job.id), 'the job was cancelled upstream');
    }
  }, very_long);
}

check('a result of another kind and size becomes the video that was asked for', async () => {
  const id = await ask('[avi] A kettle boils');
  const { data } = await veo.succeeded(id);
  assert.equal(data.placeholder, undefined);
  assert.equal(data.provider, undefined);
  const [post] = provider.posts_for('A kettle boils');
  assert.equal(post.model, 'wan-2.2');
  assert.equal(post.seconds, '1');
  assert.equal(post.size, '1280x720');
  assert.equal(post.num_frames, 24);
  assert.match(post.type, /^application\/json/);
  const video = await call('GET', data.video_url);
  assert.equal(video.headers['telecine-placeholder'], undefined);
  const native = await server.client.task(id.replaceAll('-', ''));
  const [facts] = native.outputs[0].facts.video;
  assert.deepEqual([facts.codec, facts.width, facts.height], ['h264', 1280, 720]);
  assert.equal(native.provider.provider, 'own');
  assert.equal(native.provider.attempts_sent, 1);
  assert.ok(native.provider.times.accepted && native.provider.times.copied);
  assert.doesNotMatch(JSON.stringify(native), new RegExp(provider.url));
  assert.equal(provider.unauthorised, 0);
}, very_long);

check('a result that fits is published byte for byte', async () => {
  const { data } = await veo.succeeded(await ask('A clip that fits'));
  assert.equal(md5((await call('GET', data.video_url)).body), md5(provider.result));
}, very_long);

check('the document of a finished task has the shape of the published example', async () => {
  const example = { code: 'success', message: '', data: {
    task_id: 'f0aa213c-c09e-4e19-a0e5-c698fe48acf1', notify_hook: '', action: 'google-videos',
    status: 'SUCCESS', fail_reason: '', submit_time: 1750221308, start_time: 0,
    finish_time: 1750221572, progress: '100%', data: {
      id: 'f0aa213c-c09e-4e19-a0e5-c698fe48acf1', status: 'completed',
      video_url: 'https://example.org/a.mp4', status_update_time: 1750221453056 } } };
  const shape = (value) => (typeof value === 'object' ? Object.entries(value).map(
    ([key, member]) => [key, shape(member)]) : typeof value);
  await veo.succeeded(asked.unknown);
  const { text } = await veo.raw('GET', `/google/v1/tasks/${asked.unknown}`);
  const made = JSON.parse(text);
  assert.deepEqual(shape(made), shape(example));
  assert.deepEqual({ ...made.data, data: null }, { ...example.data, data: null,
    task_id: asked.unknown, submit_time: made.data.submit_time, start_time: made.data.start_time,
    finish_time: made.data.finish_time });
  const { submit_time, start_time, finish_time, data } = made.data;
  assert.ok(submit_time <= start_time && start_time <= finish_time);
  assert.equal(Math.floor(data.status_update_time / 1000), finish_time);
}, very_long);

check('a picture makes the request multipart', async () => {
  const bytes = png(64, 36);
  await veo.succeeded(await ask('From a picture', { images: [bytes.toString('base64')] }));
  const [post] = provider.posts_for('From a picture');
  assert.match(post.type, /^multipart\/form-data/);
  assert.ok(post.input_reference.bytes.equals(bytes));
  assert.equal(post.num_frames, '24');
}, very_long);

check('a model without a provider is refused, and never drawn instead', async () => {
  const answer = await veo.raw('POST', '/google/v1/models/veo/videos',
                               { body: { prompt: 'x', model: 'kling' } });
  assert.equal(answer.status, 400);
  assert.equal(answer.json().code, 'model_not_found');
  const last = await veo.raw('POST', '/google/v1/models/veo/videos', {
    body: { prompt: 'x', model: 'veo3.1', images: ['http://a.example/1', 'http://a.example/2'] } });
  assert.equal(last.json().code, 'invalid_request');
});

check('a submit whose end nobody can know is not repeated', async () => {
  provider.hides_silent = true;
  try {
    await veo.failed(await ask('[500-silent] A tram'), /submitted, outcome unknown/);
    assert.equal(provider.posts_for('[500-silent]').length, 1);
  } finally {
    provider.hides_silent = false;
  }
}, very_long);

check('cancelling reaches the provider', async () => {
  const id = await ask('[stuck] A slow tram');
  await until('the job', () => provider.jobs_for('A slow tram')[0]?.polls > 0);
  const { data } = (await veo.raw('POST', `/google/v1/tasks/${id}/cancel`)).json();
  assert.equal(data.fail_reason, 'cancelled');
  const job = provider.jobs_for('A slow tram')[0].id;
  await until('the cancel to arrive', () => provider.deleted.includes(job));
});

for (const again of [false, true]) {
  const then = again ? ', and its task is retried at once' : '';
  check(`a job accepted after its task was cancelled is cancelled at the provider${then}`,
        async () => {
    const word = `A tram too late${then}`;
    const id = await ask(`[late] ${word}`, { model: 'veo3-patient' });
    await until('the submit', () => provider.posts_for(word).length === 1, { every: 5 });
    await veo.raw('POST', `/google/v1/tasks/${id}/cancel`);
    const native = `/api/v1/tasks/${id.replaceAll('-', '')}`;
    if (again) await server.client.json('POST', `${native}/retry`);
    provider.let();
    const late = provider.jobs_for(word)[0].id;
    await until('the cancel to arrive', () => provider.deleted.includes(late));
    if (!again) return;
    await veo.succeeded(id);
    assert.equal(provider.jobs_for(word).length, 2);
    assert.equal(provider.deleted.filter((job) => job !== late).includes(
      provider.jobs_for(word)[1].id), false, 'the job of the retry is not');
  }, very_long);
}

/// Kills the server when `when` is true of the task, starts it again, and answers the task's id.
async function killed(prompt, when, meanwhile = () => {}) {
  const id = await ask(prompt);
  await until('the moment', () => when(id), { every: 5, guard: 120_000 });
  await server.kill();
  meanwhile();
  await server.launch();
  return id;
}
const stage_of = async (id) => (await server.client.task(id.replaceAll('-', ''))).provider?.stage;
const posts = (word) => provider.posts_for(word).length;
const [job_of, jobs] = [(word) => provider.jobs_for(word)[0],
                        (word) => provider.jobs_for(word).length];

check('killed at once, there is at most one job, and an end', async () => {
  const id = await killed('Killed at once', () => true);
  await veo.finished(id);
  assert.ok(jobs('Killed at once') <= 1);
}, very_long);

check('killed when prepared, it is sent', async () => {
  const word = '[busy] Killed when prepared';
  const id = await killed(word, async (task) =>
    posts(word) === 1 && (await stage_of(task)) === 'prepared');
  await veo.succeeded(id);
  assert.deepEqual([posts(word), jobs(word)], [3, 1]);
}, very_long);

check('killed in the submit, its job is found and none is made', async () => {
  const word = '[held] Killed in the submit';
  const id = await killed(word, () => jobs(word) === 1);
  await veo.succeeded(id);
  assert.deepEqual([posts(word), jobs(word)], [1, 1]);
}, very_long);

check('killed before the cancel has reached the provider, it cancels again', async () => {
  const word = '[clings] A tram that stays';
  await killed(word, async (id) => {
    if (!job_of(word)?.polls) return false;
    if (!provider.clung) await veo.raw('POST', `/google/v1/tasks/${id}/cancel`);
    return provider.clung === job_of(word).id;
  });
  await until('the cancel to arrive', () => provider.deleted.includes(job_of(word).id));
}, very_long);

check('killed in the polls, it polls on', async () => {
  const word = 'Killed in the polls';
  const id = await killed(word, () => job_of(word)?.polls >= 1);
  await veo.succeeded(id);
  assert.deepEqual([posts(word), jobs(word)], [1, 1]);
}, very_long);

check('killed while the result is copied, it is copied again and not made again', async () => {
  const word = '[slow] A tram';
  const id = await killed(word, () => job_of(word)?.fetches >= 1,
                          () => { provider.released = true; });
  await veo.succeeded(id);
  assert.equal(posts(word), 1);
}, very_long);

check('killed when copied, it is neither copied nor made again', async () => {
  const word = '[long] Killed when copied';
  const id = await killed(word, async (task) => (await stage_of(task)) === 'copied');
  const fetches = job_of(word).fetches;
  assert.notEqual((await veo.query(id)).status, 'SUCCESS', 'the kill came before the end');
  await veo.succeeded(id);
  assert.equal(posts(word), 1);
  assert.equal(job_of(word).fetches, fetches);
}, very_long);

for (const [mode, moment] of [
  ['held-silent', (word) => () => jobs(word) === 1],
  ['500-silent', () => async (task) => (await stage_of(task)) === 'unsure'],
]) {
  check(`killed in a submit that cannot be looked up (${mode}), it is not repeated`, async () => {
    const word = `[${mode}] Killed and unknown`;
    provider.hides_silent = true;
    try {
      const id = await killed(word, moment(word));
      await veo.failed(id, /submitted, outcome unknown/);
      assert.equal(posts(word), 1);
    } finally {
      provider.hides_silent = false;
    }
  }, very_long);
}

check('killed again and again at any moment, each ends once with at most one job', async () => {
  const random = random_from(20261121);
  const tasks = [];
  for (let kill = 0; kill < 8; kill++) {
    const prompt = `Kill ${kill} of eight`;
    tasks.push({ prompt, id: await ask(prompt) });
    await sleep(random() * 500);
    await server.kill();
    await server.launch();
  }
  for (const { prompt, id } of tasks) {
    await veo.finished(id);
    assert.ok(jobs(prompt) <= 1, prompt);
    assert.ok(posts(prompt) <= 1, prompt);
  }
}, very_long);

check('resubmitting can be asked for', async () => {
  const other = await Server.start({
    flags: ['--config', config, '--generation-resubmit-ambiguous', 'true'] });
  provider.hides_silent = true;
  try {
    const gateway = new Gateway(other.client);
    const id = await gateway.create({ prompt: '[500-silent] Once more', model: 'veo3',
                                      duration: 1 });
    await gateway.succeeded(id);
    assert.equal(provider.posts_for('Once more').length, 2);
  } finally {
    provider.hides_silent = false;
    await other.close();
  }
}, very_long);
