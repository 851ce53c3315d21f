// Callbacks: at least once, signed, retried, listed, replayed, and never to a private address.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { assert_problem } from './support/api.mjs';
import { quick_outputs, short_clip } from './support/media.mjs';
import { Receiver, is_signed } from './support/receiver.mjs';
import { Server } from './support/server.mjs';
import { check, until } from './support/suite.mjs';

// The receivers of all checks, by what they do; their addresses are opened when the server starts.
const behaviour = {
  good: { answers: [200] },
  cancelled: { answers: [204] },
  failed: { answers: [200] },
  flaky: { answers: [500, 200] },
  cut: { answers: ['cut', 200] },
  redirecting: { answers: [{ status: 302, headers: { Location: '/elsewhere' } }, 200] },
  replayed: { answers: [200] },
  rotated: { answers: [200] },
  restarted: { answers: [503, 200] },
};
const long = { timeout: 300_000 };
const receivers = {};
let canary;
let server;
let input;

before(async () => {
  for (const [name, options] of Object.entries(behaviour)) {
    receivers[name] = await Receiver.start(options);
  }
  canary = await Receiver.start();
  const allowed = Object.values(receivers).map((r) => r.address);
  allowed.push(`127.0.0.2:${canary.port}`);
  server = await Server.start({ flags: ['--network-allow-addresses', allowed.join(',')] });
  input = (await server.client.upload(short_clip().bytes, 'clip.avi')).input;
}, { timeout: 120_000 });
after(async () => {
  await server?.close();
  await Promise.all([...Object.values(receivers), canary].map((r) => r?.close()));
}, { timeout: 180_000 });

const secrets = (client = server.client) => client.get('/api/v1/webhook-secret');
const submit = (receiver, extra = {}) =>
  server.client.submit({ input, outputs: quick_outputs, callback_url: receiver.url, ...extra });
const deliveries = async (id) =>
  (await server.client.get(`/api/v1/tasks/${id}/deliveries`)).deliveries;

/// The task's one delivery, once it has arrived.
const delivered = (id) => until('the delivery to be recorded', async () => {
  const [delivery] = await deliveries(id);
  return delivery?.delivered ? delivery : null;
}, { guard: 120_000 });

check('the end of a task is told to its callback, signed by the Standard Webhooks rules',
      async () => {
  const { id } = await submit(receivers.good, { metadata: { order: '17' } });
  const request = await receivers.good.request(0);
  assert.equal(request.method, 'POST');
  assert.equal(request.path, '/hook');
  assert.match(request.headers['content-type'], /^application\/json/);
  assert.match(request.headers['webhook-id'], /^msg_/);
  const at = Number(request.headers['webhook-timestamp']);
  assert.ok(Math.abs(at * 1000 - request.at) < 300_000, 'the timestamp is in seconds and recent');
  const { secret, previous } = await secrets();
  assert.match(secret, /^whsec_/);
  assert.equal(previous, null);
  assert.ok(is_signed(request, secret));
  assert.ok(!is_signed({ ...request, body: `${request.body} ` }, secret), 'the check can fail');
  const body = JSON.parse(request.body);
  assert.equal(body.type, 'task.succeeded');
  assert.ok(Math.abs(Date.parse(body.timestamp) - request.at) < 300_000);
  const task = await server.client.task(id);
  assert.equal(body.data.id, id);
  assert.equal(body.data.state, 'succeeded');
  assert.deepEqual(body.data.metadata, { order: '17' });
  assert.deepEqual(body.data.outputs[0].facts, task.outputs[0].facts);
  assert.ok(body.data.outputs[0].url.startsWith('http'));
  const delivery = await delivered(id);
  assert.equal(delivery.message_id, request.headers['webhook-id']);
  assert.equal(delivery.url, receivers.good.url);
  assert.equal(delivery.type, 'task.succeeded');
  assert.equal(delivery.next_attempt, null);
  assert.equal(delivery.attempts.length, 1);
  assert.equal(delivery.attempts[0].status, 200);
  assert.ok(delivery.attempts[0].took_ms >= 0);
});

check('failed and cancelled tasks are told too', async () => {
  const page = (await server.client.upload(Buffer.from('<html></html>'), 'page.mp4')).input;
  const failed = await submit(receivers.failed, { input: page });
  const one = JSON.parse((await receivers.failed.request(0)).body);
  assert.equal(one.type, 'task.failed');
  assert.equal(one.data.id, failed.id);
  assert.equal(one.data.error.code, 'not_media');
  const outputs = [{ name: 'v', type: 'video', video: { preset: 'veryslow' } }];
  const cancelled = await submit(receivers.cancelled, { outputs });
  const answer = await server.client.raw('POST', `/api/v1/tasks/${cancelled.id}/cancel`);
  assert.equal(answer.status, 200, answer.text);
  const other = JSON.parse((await receivers.cancelled.request(0)).body);
  assert.equal(other.type, 'task.cancelled');
  assert.equal(other.data.id, cancelled.id);
  await delivered(cancelled.id);
});

for (const [name, status] of [['flaky', 500], ['cut', 0], ['redirecting', 302]]) {
  check(`a ${name} receiver is asked again under the same message id`, async () => {
    const receiver = receivers[name];
    const { id } = await submit(receiver);
    const first = await receiver.request(0);
    const waiting = await until('the failed attempt to be recorded', async () => {
      const [delivery] = await deliveries(id);
      return delivery?.attempts.length > 0 ? delivery : null;
    });
    if (waiting.attempts.length === 1) {
      assert.equal(Boolean(waiting.delivered), false);
      assert.ok(Date.parse(waiting.next_attempt) > Date.parse(waiting.attempts[0].at));
    }
    const second = await receiver.request(1);
    assert.equal(second.headers['webhook-id'], first.headers['webhook-id']);
    assert.equal(JSON.parse(second.body).data.id, id);
    const { secret } = await secrets();
    assert.ok(is_signed(first, secret) && is_signed(second, secret));
    const waited = second.at - first.at;
    assert.ok(waited >= 4500, `the first pause is 5 s, not ${waited} ms`);
    const delivery = await delivered(id);
    assert.deepEqual(delivery.attempts.map((a) => a.status), [status, 200]);
    assert.ok(delivery.attempts[0].detail, 'it says why the first did not count');
    assert.equal(receiver.requests.length, 2);
    assert.ok(receiver.requests.every((r) => r.path === '/hook'), 'redirects are not followed');
  }, long);
}

check('a delivery is replayed on request', async () => {
  const { id } = await submit(receivers.replayed);
  await receivers.replayed.request(0);
  const delivery = await delivered(id);
  const path = `/api/v1/tasks/${id}/deliveries/${delivery.id}/replay`;
  await server.client.json('POST', path, null, { expected: 202 });
  const again = await receivers.replayed.request(1);
  assert.ok(is_signed(again, (await secrets()).secret));
  assert.equal(JSON.parse(again.body).data.id, id);
  await until('both attempts to be listed', async () => {
    const [now] = await deliveries(id);
    return now.delivered && now.attempts.length === 2;
  });
  const wrong = `/api/v1/tasks/${id}/deliveries/999999/replay`;
  assert_problem(await server.client.raw('POST', wrong), 404, 'not_found');
});

check('after a rotation callbacks are signed with the new secret and the old one', async () => {
  const old = await secrets();
  const made = await server.client.json('POST', '/api/v1/webhook-secret/rotate');
  assert.notEqual(made.secret, old.secret);
  assert.equal(made.previous, old.secret);
  assert.deepEqual(await secrets(), made);
  await submit(receivers.rotated);
  const request = await receivers.rotated.request(0);
  assert.equal(request.headers['webhook-signature'].split(' ').length, 2);
  assert.ok(is_signed(request, made.secret), 'by the new one');
  assert.ok(is_signed(request, made.previous), 'by the old one');
});

check('every account has a secret of its own', async () => {
  const other = await server.client_of('hooked');
  assert.notEqual((await secrets(other)).secret, (await secrets()).secret);
});

check('a delivery that waits survives the death of the server', async () => {
  const { id } = await submit(receivers.restarted);
  const first = await receivers.restarted.request(0);
  await until('the attempt to be recorded',
              async () => (await deliveries(id))[0]?.attempts.length === 1);
  await server.kill();
  await server.launch();
  const second = await receivers.restarted.request(1);
  assert.equal(second.headers['webhook-id'], first.headers['webhook-id']);
  assert.equal((await delivered(id)).attempts.length, 2);
}, long);

check('a callback to a private address is refused when the task is made', async () => {
  const urls = ['http://127.0.0.1/hook', 'http://10.0.0.1/hook', 'http://169.254.169.254/',
                'http://[::1]/hook', `http://127.0.0.1:${canary.port}/hook`,
                'http://192.168.0.1:8080/hook', 'http://127.0.0.1:22/hook'];
  for (const callback_url of urls) {
    const body = { input, outputs: quick_outputs, callback_url };
    const answer = await server.client.raw('POST', '/api/v1/tasks', { body });
    assert_problem(answer, 400, 'invalid_parameter', 'callback_url');
  }
  for (const callback_url of ['ftp://example.com/hook', 'hook', 'http://u:p@example.com/', 7]) {
    const body = { input, outputs: quick_outputs, callback_url };
    const answer = await server.client.raw('POST', '/api/v1/tasks', { body });
    assert_problem(answer, 400, 'invalid_parameter', 'callback_url');
  }
  assert.equal(canary.connections, 0, 'nobody called the canary');
});

check('a callback whose name leads to a private address is never connected to', async () => {
  const { id } = await server.client.submit({
    input, outputs: quick_outputs, callback_url: `http://localhost:${canary.port}/hook`,
  });
  await server.client.succeeded(id);
  const delivery = await until('the attempt to be recorded', async () => {
    const [found] = await deliveries(id);
    return found?.attempts.length > 0 ? found : null;
  });
  assert.equal(delivery.attempts[0].status, 0);
  assert.ok(delivery.attempts[0].detail);
  assert.ok(!delivery.attempts[0].detail.includes('127.0.0.1'), 'no address is given away');
  assert.equal(canary.connections, 0, 'nobody called the canary');
});

check('a task without a callback has no deliveries', async () => {
  const { id } = await server.client.done({ input, outputs: quick_outputs });
  assert.deepEqual(await deliveries(id), []);
});
