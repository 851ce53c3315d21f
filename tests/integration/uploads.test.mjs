// Files go up in one piece or in many, survive what breaks in between, and come back by ranges.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before } from 'node:test';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { Readable } from 'node:stream';
import { assert_problem } from './support/api.mjs';
import { call } from './support/http.mjs';
import { md5, quick_outputs, short_clip } from './support/media.mjs';
import { peak_memory } from './support/processes.mjs';
import { Server } from './support/server.mjs';
import { check, sleep, until } from './support/suite.mjs';

const mebibyte = 1 << 20;
let server;

before(async () => {
  server = await Server.start();
}, { timeout: 120_000 });
after(() => server?.close(), { timeout: 180_000 });

/// The n-th mebibyte of a big file that nobody keeps in memory.
function piece(n) {
  const bytes = Buffer.alloc(mebibyte);
  for (let i = 0; i < mebibyte; i += 4) bytes.writeUInt32LE((n * 2654435761 + i * 40503) >>> 0, i);
  return bytes;
}
function* pieces(count) {
  for (let n = 0; n < count; n++) yield piece(n);
}
function md5_of(count) {
  const digest = createHash('md5');
  for (const bytes of pieces(count)) digest.update(bytes);
  return digest.digest('hex');
}
const pattern = (size) => {
  const bytes = Buffer.alloc(size);
  for (let i = 0; i < size; i++) bytes[i] = (i * 31 + (i >> 8)) & 255;
  return bytes;
};

/// Reads an answer to its end without keeping it: {status, headers, size, md5}.
function drain(url, headers) {
  return new Promise((resolve, reject) => {
    const request = http.get(url, { headers, agent: false }, (response) => {
      const digest = createHash('md5');
      let size = 0;
      response.on('data', (bytes) => {
        digest.update(bytes);
        size += bytes.length;
      });
      response.on('aborted', () => reject(new Error('the answer broke off')));
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers,
                                         size, md5: digest.digest('hex') }));
    });
    request.on('error', reject);
  });
}
const content = (file) => `${server.url}/api/v1/files/${file.id}/content`;
const authorization = () => ({ Authorization: `Bearer ${server.token}` });

// --- in one piece ---

check('64 MiB go up and come back whole while the memory of the server stays bounded',
      async () => {
  const count = 64;
  await server.client.upload(piece(0), 'warm-up');
  const before_it = peak_memory(server.pid);
  const headers = { 'Content-Length': count * mebibyte };
  const file = await server.client.upload(Readable.from(pieces(count)), 'big.bin', { headers });
  assert.equal(file.size, count * mebibyte);
  assert.equal(file.md5, md5_of(count));
  const back = await drain(content(file), authorization());
  assert.equal(back.status, 200);
  assert.equal(back.size, count * mebibyte);
  assert.equal(back.md5, file.md5);
  const grown = peak_memory(server.pid) - before_it;
  assert.ok(grown < 64 * mebibyte, `the server grew by ${Math.round(grown / mebibyte)} MiB`);
});

check('a file of unknown length goes up chunked', async () => {
  const file = await server.client.upload(Readable.from(pieces(3)), 'chunked.bin');
  assert.equal(file.size, 3 * mebibyte);
  assert.equal(file.md5, md5_of(3));
});

check('an uploaded file is described, listed and used as an input', async () => {
  const clip = short_clip();
  const answer = await server.client.raw('POST', '/api/v1/files?name=my%20clip.avi',
                                         { body: clip.bytes });
  assert.equal(answer.status, 201, answer.text);
  const file = answer.json();
  assert.equal(new URL(answer.headers.location, server.url).pathname, `/api/v1/files/${file.id}`);
  assert.equal(file.name, 'my clip.avi');
  assert.equal(file.size, clip.bytes.length);
  assert.equal(file.md5, md5(clip.bytes));
  assert.equal(file.input, `file-id:${file.id}`);
  assert.equal((await server.client.get(`/api/v1/files/${file.id}`)).md5, file.md5);
  const listed = (await server.client.get('/api/v1/files?limit=1')).files;
  assert.equal(listed[0].id, file.id, 'the newest comes first');
  const task = await server.client.done({ input: file.input, outputs: quick_outputs });
  assert.equal(task.source.md5, file.md5);
});

check('the list of files is paged', async () => {
  const client = await server.client_of('pager');
  const ids = [];
  for (let i = 0; i < 3; i++) ids.push((await client.upload(Buffer.from(`file ${i}`), `${i}`)).id);
  const first = await client.get('/api/v1/files?limit=2');
  assert.deepEqual(first.files.map((f) => f.id), [ids[2], ids[1]]);
  const rest = await client.get(`/api/v1/files?limit=2&cursor=${first.next_cursor}`);
  assert.deepEqual(rest.files.map((f) => f.id), [ids[0]]);
  assert.equal(rest.next_cursor, null);
});

check('an upload that breaks off leaves no file and no bytes', async () => {
  const client = await server.client_of('broken');
  const request = http.request(`${server.url}/api/v1/files?name=half`, {
    method: 'POST', agent: false,
    headers: { Authorization: `Bearer ${client.token}`, 'Content-Length': 10 * mebibyte },
  });
  request.on('error', () => {});
  request.write(piece(0));
  const uploads = path.join(server.data, 'uploads');
  const count = () => (fs.existsSync(uploads) ? fs.readdirSync(uploads).length : 0);
  const had = count();
  await new Promise((resolve) => request.write(piece(1), resolve));
  request.destroy();
  await until('the leftovers to go', () => count() <= Math.max(0, had - 1) || count() === 0);
  assert.deepEqual((await client.get('/api/v1/files')).files, []);
});

check('a deleted file is gone, for readers and for tasks', async () => {
  const file = await server.client.upload(short_clip().bytes, 'gone.avi');
  const deleted = await server.client.raw('DELETE', `/api/v1/files/${file.id}`);
  assert.equal(deleted.status, 204, deleted.text);
  for (const [method, end] of [['GET', ''], ['GET', '/content'], ['DELETE', '']]) {
    const answer = await server.client.raw(method, `/api/v1/files/${file.id}${end}`);
    assert_problem(answer, 404, 'not_found');
  }
  const body = { input: file.input, outputs: quick_outputs };
  const answer = await server.client.raw('POST', '/api/v1/tasks', { body });
  assert.equal(answer.status, 400, answer.text);
  assert.equal(answer.json().field, 'input');
});

// --- ranges ---

check('a file is read by ranges as HTTP defines them', async () => {
  const bytes = pattern(10_000);
  const file = await server.client.upload(bytes, 'ranges.bin');
  const read = (headers) =>
    call('GET', content(file), { headers: { ...authorization(), ...headers } });
  const whole = await read({});
  assert.equal(whole.status, 200);
  assert.equal(whole.headers['accept-ranges'], 'bytes');
  assert.equal(whole.headers['x-content-type-options'], 'nosniff');
  assert.deepEqual(whole.body, bytes);
  const { etag } = whole.headers;
  assert.match(etag, /^".+"$/, 'a strong ETag');

  const good = [['bytes=0-0', 0, 0], ['bytes=10-19', 10, 19], ['bytes=9990-', 9990, 9999],
                ['bytes=-5', 9995, 9999], ['bytes=9000-99999', 9000, 9999],
                ['bytes=-99999', 0, 9999]];
  for (const [range, first, last] of good) {
    const part = await read({ Range: range });
    assert.equal(part.status, 206, range);
    assert.equal(part.headers['content-range'], `bytes ${first}-${last}/10000`, range);
    assert.deepEqual(part.body, bytes.subarray(first, last + 1), range);
  }
  for (const range of ['bytes=10000-', 'bytes=99999-100000', 'bytes=-0']) {
    const none = await read({ Range: range });
    assert.equal(none.status, 416, range);
    assert.equal(none.headers['content-range'], 'bytes */10000', range);
  }
  for (const range of ['bytes=5-1', 'lines=0-5', 'bytes=a-b', 'bytes=']) {
    const all = await read({ Range: range });
    assert.equal(all.status, 200, `${range} means nothing and is passed over`);
    assert.equal(all.body.length, 10_000);
  }
  const same = await read({ Range: 'bytes=0-9', 'If-Range': etag });
  assert.equal(same.status, 206);
  const other = await read({ Range: 'bytes=0-9', 'If-Range': '"another"' });
  assert.equal(other.status, 200, 'the file changed: all of it');
  assert.equal(other.body.length, 10_000);
  assert.equal((await read({ 'If-None-Match': etag })).status, 304);
  assert.equal((await read({ 'If-None-Match': '"x"' })).status, 200);
  const head = await call('HEAD', content(file), { headers: authorization() });
  assert.equal(head.status, 200);
  assert.equal(head.headers['content-length'], '10000');
  assert.equal(head.headers.etag, etag);
});

check('results are read by ranges through their signed link, and only through it', async () => {
  const input = (await server.client.upload(short_clip().bytes, 'clip.avi')).input;
  const task = await server.client.done({ input, outputs: quick_outputs });
  const [output] = task.outputs;
  const whole = await call('GET', output.url);
  assert.equal(md5(whole.body), output.files[0].md5);
  const part = await call('GET', output.url, { headers: { Range: 'bytes=100-199' } });
  assert.equal(part.status, 206);
  assert.deepEqual(part.body, whole.body.subarray(100, 200));
  const past = await call('GET', output.url, { headers: { Range: 'bytes=999999999-' } });
  assert.equal(past.status, 416);
  const head = await call('HEAD', output.url);
  assert.equal(Number(head.headers['content-length']), whole.body.length);
  const since = { 'If-None-Match': whole.headers.etag };
  assert.equal((await call('GET', output.url, { headers: since })).status, 304);

  const altered = (change) => {
    const url = new URL(output.url);
    change(url);
    return url.href;
  };
  const later = (url) => Number(url.searchParams.get('Expires')) + 1;
  const refused = {
    'no signature': altered((url) => url.searchParams.delete('Signature')),
    'no query at all': altered((url) => (url.search = '')),
    'a longer life': altered((url) => url.searchParams.set('Expires', later(url))),
    'an expired one': altered((url) => url.searchParams.set('Expires', 1000)),
    'another signature': altered((url) => url.searchParams.set('Signature', 'A'.repeat(43))),
    'another name': altered((url) => (url.pathname = url.pathname.replace('small', 'other'))),
  };
  for (const [what, url] of Object.entries(refused)) {
    const answer = await call('GET', url);
    assert.ok([403, 404].includes(answer.status), `${what}: ${answer.status}`);
    assert.ok(!answer.headers['content-type']?.startsWith('video/'), what);
  }
  assert.equal((await call('GET', refused['another signature'])).status, 403);
  assert.equal((await call('POST', output.url)).status, 405);
  const up = output.url.replace(/\/objects\/[^?]*/, '/objects/../link.key');
  assert.notEqual((await call('GET', up)).status, 200);
});

// --- in pieces: tus 1.0 ---

const tus = { 'Tus-Resumable': '1.0.0' };
const octets = { ...tus, 'Content-Type': 'application/offset+octet-stream' };
const encoded = (text) => Buffer.from(text).toString('base64');

async function begin(size, name = 'clip.avi', client = server.client) {
  const answer = await client.raw('POST', '/api/v1/uploads', {
    headers: { ...tus, 'Upload-Length': String(size),
               'Upload-Metadata': `filename ${encoded(name)}` },
  });
  assert.equal(answer.status, 201, answer.text);
  assert.equal(answer.headers['tus-resumable'], '1.0.0');
  const { pathname } = new URL(answer.headers.location, server.url);
  assert.match(pathname, /^\/api\/v1\/uploads\/[\w-]+$/);
  return pathname;
}
const patch = (place, offset, bytes, client = server.client) =>
  client.raw('PATCH', place, { headers: { ...octets, 'Upload-Offset': String(offset) },
                               body: bytes });
async function offset_of(place) {
  const head = await server.client.raw('HEAD', place, { headers: tus });
  assert.equal(head.status, 200);
  assert.equal(head.headers['cache-control'], 'no-store');
  return Number(head.headers['upload-offset']);
}
/// A PATCH that promises everything from `offset` on, sends `bytes` of it and stays open.
function open_patch(place, offset, total, bytes) {
  const request = http.request(server.url + place, {
    method: 'PATCH', agent: false,
    headers: { ...octets, ...authorization(), 'Upload-Offset': String(offset),
               'Content-Length': total - offset },
  });
  const answer = new Promise((resolve, reject) => {
    request.on('error', reject);
    request.on('response', (response) => {
      response.resume();
      response.on('end', () => resolve(response));
    });
  });
  answer.catch(() => {});
  return new Promise((resolve) => {
    request.write(bytes, () => resolve({ request, answer }));
  });
}

check('the server says which parts of tus it speaks', async () => {
  const answer = await server.client.raw('OPTIONS', '/api/v1/uploads');
  assert.equal(answer.status, 204);
  assert.match(answer.headers['tus-version'], /\b1\.0\.0\b/);
  assert.match(answer.headers['tus-extension'], /creation/);
  assert.match(answer.headers['tus-extension'], /termination/);
});

check('an upload in two pieces becomes a file', async () => {
  const { bytes } = short_clip();
  const place = await begin(bytes.length, 'zwei Stücke.avi');
  assert.equal(await offset_of(place), 0);
  const half = bytes.length >> 1;
  const first = await patch(place, 0, bytes.subarray(0, half));
  assert.equal(first.status, 204, first.text);
  assert.equal(Number(first.headers['upload-offset']), half);
  assert.equal(first.headers['telecine-file'], undefined);
  assert.equal((await server.client.get(place)).file, null);
  const second = await patch(place, half, bytes.subarray(half));
  assert.equal(second.status, 204, second.text);
  assert.equal(Number(second.headers['upload-offset']), bytes.length);
  const id = second.headers['telecine-file'];
  const file = await server.client.get(`/api/v1/files/${id}`);
  assert.equal(file.name, 'zwei Stücke.avi');
  assert.equal(file.md5, md5(bytes));
  const state = await server.client.get(place);
  assert.deepEqual([state.offset, state.length, state.file], [bytes.length, bytes.length, id]);
});

check('an upload broken off half-way is resumed where it stands', async () => {
  const total = 8 * mebibyte;
  const bytes = Buffer.concat([...pieces(8)]);
  const place = await begin(total, 'broken.bin');
  const { request, answer } = await open_patch(place, 0, total, bytes.subarray(0, 3 * mebibyte));
  await until('bytes to arrive', async () => (await offset_of(place)) > 0);
  request.destroy();
  await assert.rejects(answer);
  const at = await until('the broken request to be noticed', async () => {
    const offset = await offset_of(place);
    const next = await patch(place, offset, bytes.subarray(offset));
    assert.ok([204, 409, 423].includes(next.status), next.text);
    return next.status === 204 ? { offset, next } : null;
  });
  assert.ok(at.offset > 0 && at.offset <= 3 * mebibyte, `it stood at ${at.offset}`);
  const file = await server.client.get(`/api/v1/files/${at.next.headers['telecine-file']}`);
  assert.equal(file.size, total);
  assert.equal(file.md5, md5(bytes));
});

check('a piece at the wrong offset is refused and changes nothing', async () => {
  const place = await begin(1000);
  assert.equal((await patch(place, 0, pattern(400))).status, 204);
  for (const offset of [0, 399, 401, 1000]) {
    const answer = await patch(place, offset, pattern(100));
    assert_problem(answer, 409, 'conflict');
  }
  assert.equal(await offset_of(place), 400);
  const more = await patch(place, 400, pattern(700));
  assert.ok(more.status >= 400 && more.status < 500, `more than announced: ${more.status}`);
  assert.ok((await offset_of(place)) <= 1000);
});

check('of two pieces sent at once one is refused, and the file is right', async () => {
  const bytes = Buffer.concat([...pieces(4)]);
  const place = await begin(bytes.length);
  const { request, answer } = await open_patch(place, 0, bytes.length, piece(0));
  await until('the first to be at work', async () => (await offset_of(place)) > 0);
  const second = await patch(place, await offset_of(place), pattern(1000));
  assert.ok([409, 423].includes(second.status), `${second.status} ${second.text}`);
  const third = await patch(place, 0, pattern(1000));
  assert.ok([409, 423].includes(third.status), `${third.status} ${third.text}`);
  request.end(bytes.subarray(mebibyte));
  const response = await answer;
  assert.equal(response.statusCode, 204);
  const id = response.headers['telecine-file'];
  assert.equal((await server.client.get(`/api/v1/files/${id}`)).md5, md5(bytes));
});

check('an upload survives the sudden death of the server', async () => {
  const { bytes } = short_clip();
  const half = bytes.length >> 1;
  const place = await begin(bytes.length, 'survivor.avi');
  assert.equal((await patch(place, 0, bytes.subarray(0, half))).status, 204);
  await server.kill();
  await server.launch();
  assert.equal(await offset_of(place), half, 'what was answered is there');
  const open = await open_patch(place, half, bytes.length, bytes.subarray(half, half + 1000));
  await sleep(200);
  await server.kill();
  await assert.rejects(open.answer);
  await server.launch();
  const offset = await offset_of(place);
  assert.ok(offset >= half && offset <= half + 1000, `it stands at ${offset}`);
  const last = await patch(place, offset, bytes.subarray(offset));
  assert.equal(last.status, 204, last.text);
  const file = await server.client.get(`/api/v1/files/${last.headers['telecine-file']}`);
  assert.equal(file.md5, md5(bytes));
  const task = await server.client.done({ input: file.input, outputs: quick_outputs });
  assert.equal(task.source.md5, file.md5);
});

check('an empty upload is complete at once or refused', async () => {
  const answer = await server.client.raw('POST', '/api/v1/uploads',
                                         { headers: { ...tus, 'Upload-Length': '0' } });
  assert.ok([201, 400].includes(answer.status), `${answer.status} ${answer.text}`);
});

check('requests that break the rules of tus are refused', async () => {
  const wrong = [
    [{ ...tus }, 'no length'], [{ ...tus, 'Upload-Length': 'many' }, 'not a number'],
    [{ ...tus, 'Upload-Length': '-5' }, 'negative'],
  ];
  for (const [headers, what] of wrong) {
    const answer = await server.client.raw('POST', '/api/v1/uploads', { headers });
    assert.equal(answer.status, 400, `${what}: ${answer.text}`);
  }
  const place = await begin(100);
  const other_version = await server.client.raw('PATCH', place, {
    headers: { ...octets, 'Tus-Resumable': '0.2.2', 'Upload-Offset': '0' }, body: 'x',
  });
  assert.equal(other_version.status, 412);
  assert.match(other_version.headers['tus-version'], /1\.0\.0/);
  const other_type = await server.client.raw('PATCH', place, {
    headers: { ...tus, 'Upload-Offset': '0', 'Content-Type': 'text/plain' }, body: 'x',
  });
  assert.ok([400, 415].includes(other_type.status), other_type.text);
  const no_offset = await server.client.raw('PATCH', place, { headers: octets, body: 'x' });
  assert.equal(no_offset.status, 400, no_offset.text);
  assert.equal(await offset_of(place), 0);
});

check('an upload can be given up, and is nobody else\'s', async () => {
  const place = await begin(100);
  const other = await server.client_of('uploader');
  const peek = await other.raw('HEAD', place, { headers: tus });
  assert.equal(peek.status, 404);
  assert.equal((await patch(place, 0, pattern(10), other)).status, 404);
  const deleted = await server.client.raw('DELETE', place, { headers: tus });
  assert.equal(deleted.status, 204, deleted.text);
  const gone = await server.client.raw('HEAD', place, { headers: tus });
  assert.ok([404, 410].includes(gone.status));
  assert.ok([404, 410].includes((await patch(place, 0, pattern(10))).status));
});
