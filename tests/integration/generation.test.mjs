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
const very_long = { timeout: 600_000 };

function configured(url, more = '') {
  const file = path.join(temp_folder('generation'), 'telecine.toml');
  fs.writeFileSync(file, `
[[generation.provider]]
name = "own"
url = "${url}/v1"
key = "secret-key"
poll_first = "100ms"
poll_every = "150ms"
submit_timeout = "3s"
deadline = "8s"
[[generation.model]]
match = "veo*"
provider = "own"
as = "wan-2.2"
${more}`);
  return file;
}

before(async () => {
  provider = await VideoServer.start({
    result: synthesised({ width: 320, height: 180, frames: 25 }).bytes });
  config = configured(provider.url);
  server = await Server.start({ flags: ['--config', config] });
  veo = new Gateway(server.client);
}, { timeout: 120_000 });
after(async () => {
  await server?.close();
  await provider?.close();
}, { timeout: 120_000 });

const ask = (prompt, more = {}) => veo.create({ prompt, model: 'veo3-fast', duration: 1, ...more });

check('a result of another kind and size becomes the video that was asked for', async () => {
  const seen = [];
  const id = await ask('A kettle boils');
  const { data } = await veo.succeeded(id, { seen });
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
  const drawn = await server.client.done({ kind: 'generate',
                                           generation: { prompt: 'Source', duration: 1,
                                                         provider: 'animatic' } });
  const bytes = (await server.client.raw('GET', drawn.outputs[0].url)).body;
  const before_this = provider.result;
  provider.result = bytes;
  try {
    const { data } = await veo.succeeded(await ask('A clip that fits'));
    assert.equal(md5((await call('GET', data.video_url)).body), md5(bytes));
  } finally {
    provider.result = before_this;
  }
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

for (const [mode, posts] of [['busy', 3], ['500-empty', 2], ['unknown', 1], ['blip', 1],
                             ['babble', 1], ['flaky', 1], ['500', 1]]) {
  check(`a provider in the mode "${mode}" still makes one video of one job`, async () => {
    await veo.succeeded(await ask(`[${mode}] A tram in the rain`));
    assert.equal(provider.posts_for(`[${mode}]`).length, posts);
    assert.equal(provider.jobs_for(`[${mode}]`).length, 1);
  }, very_long);
}

for (const [mode, reason] of [
  ['refused', /this prompt is not allowed, see \(address\)/],
  ['failed', /^refused by the provider: the scene is unsafe$/],
  ['lost', /the provider lost the job$/],
  ['expired', /the provider does not have the result any more$/],
  ['text', /^the provider's result is not a video$/],
  ['stuck', /^no result within 1 minutes$/],
]) {
  check(`a provider in the mode "${mode}" fails the task, with one submit`, async () => {
    await veo.failed(await ask(`[${mode}] A tram in the snow`), reason);
    const expected = mode === 'refused' ? 2 : 1;  // JSON, then multipart
    assert.equal(provider.posts_for(`[${mode}]`).length, expected);
    if (mode === 'stuck') assert.ok(provider.deleted.length > 0, 'the job was cancelled upstream');
  }, very_long);
}

check('a result that is gone is asked for again and never made again', async () => {
  await veo.failed(await ask('[gone] A tram'), /the provider's result could not be fetched$/,
                   { guard: 400_000 });
  assert.equal(provider.posts_for('[gone]').length, 1);
  assert.equal(provider.jobs_for('[gone]')[0].fetches, 8);
}, very_long);

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

/// Kills the server when `when` is true of the task, starts it again, and answers the end.
async function killed(prompt, when, meanwhile = () => {}) {
  const id = await ask(prompt);
  await until('the moment', when, { every: 5, guard: 120_000 });
  await server.kill();
  meanwhile();
  await server.launch();
  return id;
}

check('killed before, during and after the submit, there is one job and one end', async () => {
  const first = await killed('Killed at once', () => true);
  await veo.finished(first);
  assert.ok(provider.jobs_for('Killed at once').length <= 1);

  const held = await killed('[held] Killed in the submit',
                            () => provider.jobs_for('[held]').length === 1);
  await veo.succeeded(held);
  assert.equal(provider.posts_for('[held]').length, 1);

  const polled = await killed('Killed in the polls',
                              () => provider.jobs_for('Killed in the polls')[0]?.polls >= 1);
  await veo.succeeded(polled);
  assert.equal(provider.posts_for('Killed in the polls').length, 1);
}, very_long);

check('killed in a submit that cannot be looked up, it is not repeated', async () => {
  provider.hides_silent = true;
  try {
    const id = await killed('[held-silent] A tram',
                            () => provider.jobs_for('[held-silent]').length === 1);
    await veo.failed(id, /submitted, outcome unknown/);
    assert.equal(provider.posts_for('[held-silent]').length, 1);
  } finally {
    provider.hides_silent = false;
    for (const job of provider.jobs.values()) job.mode = job.mode.replace('-silent', '');
  }
}, very_long);

check('killed while the result is copied, it is copied again and not made again', async () => {
  const id = await killed('[slow] A tram', () => provider.jobs_for('[slow]')[0]?.fetches >= 1,
                          () => { provider.released = true; });
  await veo.succeeded(id);
  assert.equal(provider.posts_for('[slow]').length, 1);
}, very_long);

check('killed again and again at any moment, it ends once with at most one job', async () => {
  const random = random_from(20261121);
  for (let round = 0; round < 4; round++) {
    const prompt = `Round ${round} of the kills`;
    const id = await ask(prompt);
    for (let kills = 0; kills < 3; kills++) {
      await sleep(random() * 600);
      await server.kill();
      await server.launch();
    }
    await veo.finished(id);
    assert.ok(provider.jobs_for(prompt).length <= 1, prompt);
    assert.ok(provider.posts_for(prompt).length <= 1, prompt);
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
