// TLS: the same API behind a certificate, and what comes to its port that is no TLS.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before } from 'node:test';
import crypto from 'node:crypto';
import fs from 'node:fs';
import https from 'node:https';
import net from 'node:net';
import path from 'node:path';
import tls from 'node:tls';
import { call, free_port } from './support/http.mjs';
import { quick_outputs, short_clip } from './support/media.mjs';
import { binary, create_key, Process, run } from './support/server.mjs';
import { check_if, forget_log, remove_folder, temp_folder, until } from './support/suite.mjs';

const lacks_openssl = spawnSync('openssl', ['version']).status === 0
  ? null
  : 'openssl is not installed';

const folder = temp_folder('tls');
const data = path.join(folder, 'data');
const in_folder = (name) => path.join(folder, name);
let port;
let token;
let server;
let agent;

/// A key and a certificate for this machine, signed by itself: <name>.pem and <name>.key.
function make_certificate(name) {
  const made = spawnSync('openssl', [
    'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes',
    '-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost',
    '-keyout', in_folder(`${name}.key`), '-out', in_folder(`${name}.pem`),
  ], { encoding: 'utf8' });
  assert.equal(made.status, 0, made.stderr);
}

const certificate = (name) => fs.readFileSync(in_folder(`${name}.pem`));
const flags = (name) => ['--server-tls-certificate', in_folder(`${name}.pem`),
                         '--server-tls-key', in_folder(`${name}.key`)];

/// One call over TLS: {status, headers, body, socket, reused}.
function ask(method, target, { headers = {}, body = null, ...options } = {}) {
  return new Promise((resolve, reject) => {
    const request = https.request({
      host: '127.0.0.1', port, path: target, method, agent, timeout: 120_000,
      headers: { Authorization: `Bearer ${token}`, ...headers }, ...options,
    });
    request.on('timeout', () => request.destroy(new Error(`${method} ${target}: no answer`)));
    request.on('error', reject);
    request.on('response', (response) => {
      const { socket } = response;
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => resolve({
        status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks),
        socket, reused: request.reusedSocket,
      }));
    });
    request.end(body ?? undefined);
  });
}

const json = async (...args) => JSON.parse((await ask(...args)).body);

/// Connects without TLS, sends `bytes`, and answers all that comes until the server closes.
function plain(bytes, { end = false } = {}) {
  return new Promise((resolve, reject) => {
    const chunks = [];
    const socket = net.connect(port, '127.0.0.1', () => (end ? socket.end(bytes)
                                                             : socket.write(bytes)));
    socket.setTimeout(120_000, () => socket.destroy(new Error('the server does not close')));
    socket.on('data', (chunk) => chunks.push(chunk));
    // A reset is an end as well.
    socket.on('error', (error) => (error.code === 'ECONNRESET' ? null : reject(error)));
    socket.on('close', () => resolve(Buffer.concat(chunks)));
  });
}

/// What a client says first.
function client_hello() {
  return new Promise((resolve, reject) => {
    const listener = net.createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', (bytes) => {
        socket.destroy();
        listener.close();
        resolve(bytes);
      });
    });
    listener.on('error', reject);
    listener.listen(0, '127.0.0.1', () => {
      tls.connect({ port: listener.address().port, host: '127.0.0.1' }).on('error', () => {});
    });
  });
}

async function open_connections() {
  const text = (await ask('GET', '/metrics')).body.toString();
  return Number(/^telecine_http_connections (\d+)/m.exec(text)[1]);
}

async function still_serves() {
  assert.equal((await ask('GET', '/readyz')).status, 200);
  await until('no connection but ours', async () => (await open_connections()) <= 1);
}

before(async () => {
  if (lacks_openssl) return;
  make_certificate('ours');
  make_certificate('other');
  token = await create_key(data, { id: 'main', secret: 'main-secret-0001' });
  port = await free_port();
  agent = new https.Agent({ ca: certificate('ours'), keepAlive: true, maxSockets: 1 });
  server = new Process(binary, ['serve', '--data', data, '--listen', `127.0.0.1:${port}`,
                                ...flags('ours')], { label: 'server' });
  await until('the server to be ready', async () => {
    if (server.ended) throw new Error(server.describe_log());
    return (await ask('GET', '/readyz')).status === 200;
  });
}, { timeout: 120_000 });

after(async () => {
  agent?.destroy();
  if (server && !server.ended) {
    assert.deepEqual(await server.terminate(), { code: 0, signal: null });
    forget_log(server);
  }
  remove_folder(folder);
}, { timeout: 120_000 });

const tls_check = (name, body, options) => check_if(lacks_openssl, name, body, options);

tls_check('many calls go over one connection, by TLS 1.3 and HTTP/1.1', async () => {
  const first = await ask('GET', '/readyz');
  assert.equal(first.socket.getProtocol(), 'TLSv1.3');
  for (let i = 0; i < 20; i++) {
    const next = await ask('GET', '/api/v1/tasks');
    assert.equal(next.status, 200);
    assert.ok(next.reused, 'the connection is kept');
    assert.equal(next.socket, first.socket);
  }
  const socket = tls.connect({ port, host: '127.0.0.1', ca: certificate('ours'),
                               ALPNProtocols: ['h2', 'http/1.1'] });
  await new Promise((resolve, reject) => socket.once('secureConnect', resolve).on('error', reject));
  assert.equal(socket.alpnProtocol, 'http/1.1');
  socket.destroy();
});

tls_check('TLS 1.2 is spoken, and nothing older', async () => {
  const by = (version) => ask('GET', '/readyz', {
    agent: false, ca: certificate('ours'), minVersion: version, maxVersion: version,
    ciphers: 'DEFAULT@SECLEVEL=0',
  });
  assert.equal((await by('TLSv1.2')).status, 200);
  await assert.rejects(by('TLSv1.1'), /alert|version|protocol/i);
});

tls_check('a session is resumed by a new connection', async () => {
  const connect = (session) => new Promise((resolve, reject) => {
    const socket = tls.connect({ port, host: '127.0.0.1', ca: certificate('ours'), session,
                                 maxVersion: 'TLSv1.2' });
    socket.on('error', reject);
    socket.once('secureConnect', () => {
      const seen = { session: socket.getSession(), reused: socket.isSessionReused() };
      socket.end();
      resolve(seen);
    });
  });
  const first = await connect();
  assert.equal((await connect(first.session)).reused, true);
});

tls_check('a file goes in, is worked on, and comes out to the byte, in ranges too', async () => {
  const bytes = Buffer.concat([short_clip().bytes, crypto.randomBytes(3 << 20)]);
  const file = await json('POST', '/api/v1/files?name=clip.avi', { body: short_clip().bytes });
  const sent = JSON.stringify({ input: file.input, outputs: quick_outputs });
  const made = await json('POST', '/api/v1/tasks', {
    body: sent, headers: { 'Content-Type': 'application/json' },
  });
  const task = await json('GET', `/api/v1/tasks/${made.id}?wait=60s`);
  assert.equal(task.state, 'succeeded', JSON.stringify(task.error));
  const link = new URL(task.outputs[0].url);
  assert.equal(link.origin, `https://127.0.0.1:${port}`);
  const target = link.pathname + link.search;
  const whole = await ask('GET', target);
  assert.equal(whole.status, 200);
  assert.equal(crypto.createHash('md5').update(whole.body).digest('hex'),
               task.outputs[0].files[0].md5);
  const part = await ask('GET', target, { headers: { Range: 'bytes=100-999' } });
  assert.equal(part.status, 206);
  assert.deepEqual(part.body, whole.body.subarray(100, 1000));

  const large = await json('POST', '/api/v1/files?name=large.bin', { body: bytes });
  assert.equal(large.size, bytes.length);
  assert.equal(large.md5, crypto.createHash('md5').update(bytes).digest('hex'));
});

tls_check('events are streamed and end in order', async () => {
  const made = await json('POST', '/api/v1/tasks', {
    body: JSON.stringify({ input: 'https://media.example.com/a.mp4' }),
    headers: { 'Content-Type': 'application/json' },
  });
  await ask('POST', `/api/v1/tasks/${made.id}/cancel`);
  const stream = await ask('GET', `/api/v1/tasks/${made.id}/events`, {
    headers: { 'Last-Event-ID': '0' },
  });
  assert.match(stream.headers['content-type'], /^text\/event-stream/);
  assert.match(stream.body.toString(), /"type":"task.cancelled"/);
});

tls_check('a client that does not trust the certificate does not get as far as asking', async () => {
  await assert.rejects(ask('GET', '/readyz', { agent: false, ca: certificate('other') }),
                       /self.signed|unable to verify/i);
  await assert.rejects(ask('GET', '/readyz', { agent: false, ca: certificate('ours'),
                                               servername: 'other.example' }),
                       (error) => error.code === 'ERR_TLS_CERT_ALTNAME_INVALID');
  await still_serves();
});

tls_check('plain HTTP on the port is no request', async () => {
  const answer = await plain('GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n');
  assert.doesNotMatch(answer.toString('latin1'), /HTTP\/1\.1 200/);
  await assert.rejects(call('GET', `http://127.0.0.1:${port}/livez`));
  await still_serves();
});

tls_check('broken handshakes end, however they break', async () => {
  const hello = await client_hello();
  const damaged = Buffer.from(hello);
  for (let i = 20; i < damaged.length; i += 7) damaged[i] ^= 0x55;
  const huge = Buffer.concat([Buffer.from([0x16, 3, 1, 0xff, 0xff]), Buffer.alloc(70_000, 1)]);
  await Promise.all([
    plain(crypto.randomBytes(4096)),
    plain(damaged),
    plain(huge),
    plain(hello.subarray(0, 40), { end: true }),
    plain('', { end: true }),
    ...Array.from({ length: 50 }, () => plain(hello, { end: true })),
  ]);
  await still_serves();
});

tls_check('a handshake that does not go on is given up', async () => {
  const hello = await client_hello();
  await Promise.all([plain(hello.subarray(0, 40)), plain(hello), plain('')]);
  await still_serves();
});

tls_check('a new certificate takes effect with SIGHUP, and a damaged one changes nothing',
          async () => {
  const served = () => new Promise((resolve, reject) => {
    const socket = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
    socket.on('error', reject);
    socket.once('secureConnect', () => {
      resolve(socket.getPeerX509Certificate().fingerprint256);
      socket.destroy();
    });
  });
  const print_of = (name) => new crypto.X509Certificate(certificate(name)).fingerprint256;
  const keep = await ask('GET', '/readyz');
  fs.copyFileSync(in_folder('ours.pem'), in_folder('kept.pem'));
  fs.copyFileSync(in_folder('ours.key'), in_folder('kept.key'));

  fs.writeFileSync(in_folder('ours.pem'), 'not a certificate\n');
  server.signal('SIGHUP');
  await until('the log to say so', () => server.stderr.includes('certificate'));
  assert.equal(await served(), print_of('kept'));

  for (const end of ['pem', 'key']) fs.copyFileSync(in_folder(`other.${end}`), in_folder(`ours.${end}`));
  server.signal('SIGHUP');
  await until('the other certificate', async () => (await served()) === print_of('other'));
  const after_change = await ask('GET', '/readyz');
  assert.equal(after_change.socket, keep.socket, 'open connections go on');

  for (const end of ['pem', 'key']) fs.copyFileSync(in_folder(`kept.${end}`), in_folder(`ours.${end}`));
  server.signal('SIGHUP');
  await until('the first certificate', async () => (await served()) === print_of('kept'));
});

tls_check('a key that does not belong to the certificate stops the start and is named', async () => {
  const refused = await run(['serve', '--data', in_folder('none'), '--listen', '127.0.0.1:0',
                             '--server-tls-certificate', in_folder('ours.pem'),
                             '--server-tls-key', in_folder('other.key')]);
  assert.notEqual(refused.code, 0);
  assert.match(refused.stderr, /other\.key/);
  const missing = await run(['serve', '--data', in_folder('none'), '--listen', '127.0.0.1:0',
                             '--server-tls-certificate', in_folder('nowhere.pem')]);
  assert.notEqual(missing.code, 0);
  assert.match(missing.stderr, /nowhere\.pem/);
});
