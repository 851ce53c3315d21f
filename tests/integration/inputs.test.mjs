// Bad input of every kind ends in a clear error, in the right place, and reaches nothing else.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import fs from 'node:fs';
import path from 'node:path';
import { assert_problem } from './support/api.mjs';
import { call } from './support/http.mjs';
import {
  clip, has_shared_clips, lacks_clips, md5, quick_outputs, short_clip, synthesised,
} from './support/media.mjs';
import { Receiver } from './support/receiver.mjs';
import { Server } from './support/server.mjs';
import { MediaSource } from './support/source.mjs';
import { check, check_if, remove_folder, temp_folder, until } from './support/suite.mjs';

const max_input = 8 << 20;
const secret = 'the-content-of-a-file-that-nobody-may-read';
let server;
let source;
let canary;
let folder;

before(async () => {
  folder = temp_folder('inputs');
  fs.mkdirSync(path.join(folder, 'root/below'), { recursive: true });
  fs.writeFileSync(path.join(folder, 'root/clip.avi'), short_clip().bytes);
  fs.writeFileSync(path.join(folder, 'root/below/clip.avi'), short_clip().bytes);
  fs.writeFileSync(path.join(folder, 'outside.avi'), short_clip().bytes);
  fs.writeFileSync(path.join(folder, 'secret.txt'), secret);
  fs.symlinkSync('../outside.avi', path.join(folder, 'root/link.avi'));
  source = await MediaSource.start();
  canary = await Receiver.start();
  // The canary's port is opened for another address only: a URL that names it is well formed, and
  // a connection to it must still be refused.
  const allowed = `${source.address},127.0.0.2:${canary.port}`;
  server = await Server.start({
    flags: ['--network-allow-addresses', allowed, '--worker-stall', '2s',
            '--worker-max-input', String(max_input)],
  });
}, { timeout: 120_000 });
after(async () => {
  await Promise.all([server?.close(), source?.close(), canary?.close()]);
  if (folder) remove_folder(folder);
}, { timeout: 180_000 });

/// How the engine turned an input down: {code, message, field, status?}, by an answer to the
/// submit or by a failed task.
async function refusal(input, client = server.client, extra = {}) {
  const body = { input, outputs: quick_outputs, max_attempts: 1, ...extra };
  const answer = await client.raw('POST', '/api/v1/tasks', { body });
  if (answer.status >= 400) {
    assert.ok(answer.status < 500, answer.text);
    const problem = answer.json();
    assert.equal(problem.field, 'input', answer.text);
    return { status: answer.status, code: problem.code, message: problem.detail };
  }
  assert.equal(answer.status, 202, answer.text);
  const task = await client.finished(answer.json().id);
  assert.equal(task.state, 'failed', `${input} became ${task.state}`);
  for (const output of task.outputs) {
    assert.equal(output.state, 'failed');
    assert.equal(output.url, null);
  }
  return { code: task.error.code, message: task.error.message };
}

async function assert_refused(input, codes, message, ...rest) {
  const got = await refusal(input, ...rest);
  assert.ok([codes].flat().includes(got.code), `${input}: ${JSON.stringify(got)}`);
  assert.match(got.message, message);
  assert.ok(got.message.length > 15, `a message says something: ${got.message}`);
  assert.ok(!got.message.includes(secret));
  return got;
}

const upload = async (bytes, name) => (await server.client.upload(bytes, name)).input;

// --- files that are no media ---

const page = '<!doctype html><html><title>Not a video</title><p>Nothing to see.</p></html>\n';

check('a web page named .mp4 is no media, whatever its name says', async () => {
  const bytes = has_shared_clips ? fs.readFileSync(clip('not-a-video.mp4')) : Buffer.from(page);
  await assert_refused(await upload(bytes, 'not-a-video.mp4'), 'not_media', /media|video|kind/i);
  const url = source.serve('/not-a-video.mp4', 'ok', bytes, 'video/mp4');
  await assert_refused(url, 'not_media', /media|video|kind/i);
});

check('an empty file is no media', async () => {
  const url = source.serve('/empty.mp4', 'plain', Buffer.alloc(0));
  await assert_refused(url, 'not_media', /empty/i);
  const answer = await server.client.raw('POST', '/api/v1/files?name=empty.mp4', { body: '' });
  if (answer.status === 201) {
    await assert_refused(answer.json().input, 'not_media', /empty/i);
  } else {
    assert.equal(answer.status, 400, answer.text);
  }
});

check('random bytes are no media', async () => {
  const noise = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 7919 + (i >> 3)) & 255));
  for (const name of ['noise.mp4', 'noise.ts', 'noise.mp3']) {
    await assert_refused(await upload(noise, name), ['not_media', 'decode_failed'], /./);
  }
});

check_if(lacks_clips, 'an upload that stopped before its index says so', async () => {
  const bytes = fs.readFileSync(clip('truncated-no-moov.mp4'));
  await assert_refused(await upload(bytes, 'truncated.mp4'), ['not_media', 'decode_failed'],
                       /incomplete|moov|index/i);
});

check('a clip that ends long before it says is refused as incomplete', async () => {
  // An MP4 with its index in front still says how long it would have been.
  const whole = await upload(synthesised({ frames: 150 }).bytes, 'whole.avi');
  const task = await server.client.done({ input: whole, outputs: quick_outputs });
  const { body } = await call('GET', task.outputs[0].url);
  const input = await upload(body.subarray(0, body.length >> 1), 'half.mp4');
  await assert_refused(input, 'decode_failed', /incomplete|damaged|ends/i);
});

// --- playlists and scripts ---

function playlists() {
  const local = path.join(folder, 'secret.txt');
  const remote = `http://127.0.0.1:${canary.port}`;
  const aimed = (text) =>
    text.replaceAll('/etc/passwd', local).replaceAll('http://127.0.0.1:1', remote);
  const m3u8 = has_shared_clips ? fs.readFileSync(clip('hostile-playlist.m3u8'), 'utf8') :
    '#EXTM3U\n#EXT-X-VERSION:4\n#EXT-X-TARGETDURATION:10\n#EXTINF:10.0,\nfile:///etc/passwd\n' +
    '#EXTINF:10.0,\nhttp://127.0.0.1:1/a.ts\n#EXTINF:10.0,\n' +
    'concat:http://127.0.0.1:1/b.txt|file:///etc/passwd\n#EXT-X-ENDLIST\n';
  const script = has_shared_clips ? fs.readFileSync(clip('hostile-concat.ffconcat'), 'utf8') :
    "ffconcat version 1.0\nfile 'file:///etc/passwd'\nfile '../../../../../../etc/passwd'\n" +
    "file 'http://127.0.0.1:1/a.ts'\n";
  const clip_path = path.join(folder, 'outside.avi');
  return {
    'hostile.m3u8': aimed(m3u8),
    'hostile.ffconcat': aimed(script),
    // What they name exists and would play: nothing but the refusal stands in the way.
    'tempting.m3u8': `#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n${clip_path}\n` +
                     `#EXTINF:2,\n${remote}/clip.avi\n#EXT-X-ENDLIST\n`,
    'tempting.ffconcat': `ffconcat version 1.0\nfile '${clip_path}'\n`,
    'session.sdp': `v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n` +
                   `m=video ${canary.port} RTP/AVP 96\na=rtpmap:96 H264/90000\n`,
    'dash.mpd': `<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" ` +
                `type="static" mediaPresentationDuration="PT2S"><BaseURL>${remote}/</BaseURL>` +
                `<Period><AdaptationSet mimeType="video/mp4"><Representation id="1" ` +
                `bandwidth="1"><BaseURL>a.mp4</BaseURL></Representation></AdaptationSet>` +
                `</Period></MPD>`,
  };
}

check('playlists and scripts are refused under any name and reach no file and no address',
      async () => {
  for (const [name, text] of Object.entries(playlists())) {
    const stem = name.split('.')[0];
    for (const as of [name, `${stem}.mp4`, `${stem}.ts`, `${stem}.avi`]) {
      const input = await upload(Buffer.from(text), as);
      await assert_refused(input, ['not_media', 'unsupported'], /./);
    }
    const url = source.serve(`/${name}`, 'ok', Buffer.from(text),
                             'application/vnd.apple.mpegurl');
    await assert_refused(url, ['not_media', 'unsupported'], /./);
  }
  assert.equal(canary.connections, 0, 'nobody called the canary');
});

// --- places that give nothing ---

check('an input URL that answers 404 is not found', async () => {
  await assert_refused(source.serve('/404', 404), 'input_not_found', /nothing|found/i);
  await assert_refused(source.serve('/410', 410), 'input_not_found', /nothing|found|gone/i);
});

check('an input URL that answers 403 or 401 is forbidden', async () => {
  for (const status of [403, 401]) {
    await assert_refused(source.serve(`/${status}`, status), 'input_forbidden', /permit|forbid/i);
  }
});

check('an input URL whose server keeps failing is unreachable', async () => {
  await assert_refused(source.serve('/500', 500), 'input_unreachable', /500|status|server/i);
});

check('an input URL where nobody listens is unreachable', async () => {
  const gone = await MediaSource.start();
  const { address } = gone;
  await gone.close();
  const own = await Server.start({ flags: ['--network-allow-addresses', address] });
  try {
    await assert_refused(`http://${address}/a.mp4`, 'input_unreachable', /reach/i, own.client);
  } finally {
    await own.close();
  }
});

check('an input URL that never answers is given up as unreachable', async () => {
  await assert_refused(source.serve('/never', 'never'), ['input_unreachable', 'timed_out'],
                       /time|stall|answer/i);
}, { timeout: 300_000 });

check('an input URL that only drips is given up as unreachable', async () => {
  const url = source.serve('/drip', 'drip', short_clip().bytes);
  await assert_refused(url, ['input_unreachable', 'timed_out'], /time|stall|slow|progress/i);
}, { timeout: 300_000 });

check('an endless input is cut off at the largest size allowed', async () => {
  await assert_refused(source.serve('/endless', 'endless'), 'input_too_large', /larger/i);
});

check('an input that announces more than is allowed is refused unread', async () => {
  await assert_refused(source.serve('/huge', 'huge'), 'input_too_large', /larger/i);
});

check('an upload larger than allowed is refused with 413', async () => {
  const place = '/api/v1/files?name=big.mp4';
  const headers = { Expect: '100-continue' };
  const body = Buffer.alloc(max_input + 1);
  assert_problem(await server.client.raw('POST', place, { body, headers }), 413,
                 'input_too_large');
  const just = await server.client.raw('POST', place, { body: body.subarray(1), headers });
  assert.equal(just.status, 201, just.text);
});

check('an input that always breaks off half-way is unreachable', async () => {
  const url = source.serve('/truncated', 'truncated', short_clip().bytes);
  await assert_refused(url, 'input_unreachable', /broke|ended|whole/i);
}, { timeout: 300_000 });

check('an input that breaks off once is resumed where it stopped', async () => {
  const { bytes } = short_clip();
  const url = source.serve('/cut', 'cut', bytes);
  const task = await server.client.done({ input: url, outputs: quick_outputs, max_attempts: 1 });
  assert.equal(task.source.md5, md5(bytes));
  const later = source.requests_for('/cut').at(-1);
  const at = Number(/^bytes=(\d+)-/.exec(later.headers.range ?? '')?.[1] ?? 0);
  assert.ok(at > 0 && at < bytes.length, 'the second request asks for the rest');
  assert.ok(later.headers['if-range'], 'and only if the file is still the same');
});

check('a place that fails once is asked again', async () => {
  const url = source.serve('/flaky', [503, 'ok'], short_clip().bytes);
  await server.client.done({ input: url, outputs: quick_outputs, max_attempts: 1 });
  assert.equal(source.requests_for('/flaky').length, 2);
});

// --- places that must not be asked ---

check('a task that is cancelled and retried in its fetch reads what the retry fetched',
      async () => {
  const { bytes } = short_clip();
  const url = source.serve('/again.avi', ['drip', 'ok'], bytes);
  const { id } = await server.client.submit({ input: url, outputs: quick_outputs });
  await until('the fetch', () => source.requests_for('/again.avi').length === 1);
  await server.client.json('POST', `/api/v1/tasks/${id}/cancel`);
  await server.client.json('POST', `/api/v1/tasks/${id}/retry`);
  const task = await server.client.succeeded(id);
  assert.equal(task.source.md5, md5(bytes));
  const inputs = () => fs.readdirSync(path.join(server.data, 'fetched'));
  await until('its inputs to go', () => !inputs().some((name) => name.startsWith(id)));
});

check('a redirect is followed to an allowed address', async () => {
  const target = source.serve('/target.avi', 'ok', short_clip().bytes);
  const url = source.serve('/moved.avi', { redirect: target });
  await server.client.done({ input: url, outputs: quick_outputs });
});

check('a redirect to a private address, a local file or another port is forbidden', async () => {
  const targets = ['http://10.0.0.1/a.mp4', 'http://169.254.169.254/latest/meta-data/',
                   'file:///etc/passwd', `http://127.0.0.1:${canary.port}/a.mp4`,
                   `http://localhost:${canary.port}/a.mp4`, 'http://[::1]/a.mp4',
                   `ftp://127.0.0.1/a.mp4`];
  for (const [i, target] of targets.entries()) {
    const url = source.serve(`/redirect-${i}`, { redirect: target });
    await assert_refused(url, 'input_forbidden', /permit|must not|forbid/i);
  }
  assert.equal(canary.connections, 0, 'nobody called the canary');
});

check('redirects without end are given up', async () => {
  const url = source.serve('/loop', { redirect: '/loop' });
  await assert_refused(url, 'input_unreachable', /redirect/i);
  assert.ok(source.requests_for('/loop').length < 50);
});

check('private, loopback and metadata addresses are refused however they are written', async () => {
  const port = canary.port;
  for (const input of [
    'http://10.0.0.1/a.mp4', 'http://192.168.1.1/a.mp4', 'http://172.16.0.1/a.mp4',
    'http://169.254.169.254/latest/meta-data/', 'http://100.64.0.1/a.mp4',
    `http://127.0.0.1:${port}/a.mp4`, 'http://127.0.0.1/a.mp4', 'http://0.0.0.0/a.mp4',
    'http://2130706433/a.mp4', 'http://0x7f.1/a.mp4', 'http://127.1/a.mp4', 'http://[::1]/a.mp4',
    'http://[::ffff:127.0.0.1]/a.mp4', 'http://[64:ff9b::7f00:1]/a.mp4', 'http://[fe80::1]/a.mp4',
    'http://[fd00:ec2::254]/a.mp4',
  ]) {
    await assert_refused(input, 'input_forbidden', /permit|must not|forbid/i);
  }
  assert.equal(canary.connections, 0);
});

check('a name that leads to this machine is refused where the connection is made', async () => {
  await assert_refused(`http://localhost:${canary.port}/a.mp4`, 'input_forbidden',
                       /permit|must not|forbid/i);
  assert.equal(canary.connections, 0, 'nobody called the canary');
});

check('other ports, user names and other schemes are refused with the field', async () => {
  for (const input of [
    'http://example.com:25/a.mp4', 'http://user:word@example.com/a.mp4', 'ftp://example.com/a.mp4',
    'gopher://example.com/a', 'data:video/mp4;base64,AAAA', 'concat:a|b', 'pipe:0', '/etc/passwd',
    'a.mp4', '', 'http://', `http://example.com/${'a'.repeat(5000)}`,
    'http://exa mple.com/a.mp4', 'file-id:zzz', `file-id:${'0'.repeat(32)}`, 's3://bucket/key',
  ]) {
    const got = await refusal(input);
    assert.equal(got.status, 400, `${input}: ${JSON.stringify(got)}`);
    assert.ok(['invalid_parameter', 'input_forbidden', 'input_not_found'].includes(got.code),
              `${input}: ${JSON.stringify(got)}`);
    assert.ok(got.message.length > 15, got.message);
  }
});

check('a refused address and a forbidden file read the same', async () => {
  const private_one = await refusal('http://10.0.0.1/a.mp4');
  const forbidden = await refusal(source.serve('/forbidden', 403));
  assert.ok(private_one.message.endsWith(forbidden.message), 'no map of the network is given away');
});

// --- local files ---

check('without a configured root no local file can be named', async () => {
  for (const input of ['file:///etc/passwd', `file://${path.join(folder, 'root/clip.avi')}`,
                       'file://media/clip.avi', `file:///proc/self/environ`]) {
    await assert_refused(input, ['input_forbidden', 'invalid_parameter'], /root|director/i);
  }
});

check('a malformed local input is refused at once, with the field', async () => {
  for (const input of ['file://', 'file://media', 'file://media/', 'file:///', 'file://a b/c.mp4',
                       `file://${'x'.repeat(65)}/c.mp4`]) {
    assert_problem(await server.client.raw('POST', '/api/v1/tasks', { body: { input } }), 400,
                   'invalid_parameter', 'input');
  }
});

async function with_root(body) {
  const config = path.join(folder, 'telecine.toml');
  fs.writeFileSync(config, `# what callers may name\n[[object.root]]\nname = "media"\n` +
    `path = "${path.join(folder, 'root')}"\nread = true\n\n[[object.root]]\nname = "drop"\n` +
    `path = "${folder}"\nread = false\n`);
  const own = await Server.start({ flags: ['--config', config] });
  try {
    await body(own);
  } finally {
    await own.close();
  }
}

check('a file below a configured root is read, by the name of the root and by its path',
      async () => with_root(async (own) => {
  for (const input of ['file://media/clip.avi', 'file://media/below/clip.avi',
                       `file://${path.join(folder, 'root/clip.avi')}`]) {
    const task = await own.client.done({ input, outputs: quick_outputs });
    assert.equal(task.source.size, short_clip().bytes.length);
  }
}));

check('nothing beside a configured root can be reached through it', async () =>
  with_root(async (own) => {
    const reach = (input, codes) => assert_refused(input, codes, /./, own.client);
    const outside = ['input_forbidden', 'invalid_parameter', 'input_not_found'];
    for (const input of [
      'file://media/../outside.avi', 'file://media/below/../../outside.avi',
      'file://media//etc/passwd', 'file://media/link.avi', 'file://media/below',
      'file://media/%2e%2e/outside.avi', `file://${path.join(folder, 'outside.avi')}`,
      `file://${path.join(folder, 'root/../outside.avi')}`, 'file://other/clip.avi',
      'file://drop/outside.avi', 'file:///proc/self/environ', 'file://media/',
    ]) {
      await reach(input, outside);
    }
    await reach('file://media/nothing.avi', 'input_not_found');
  }));

check('after all that the server still does its work', async () => {
  const input = await upload(short_clip().bytes, 'fine.avi');
  await server.client.done({ input, outputs: quick_outputs });
  assert.deepEqual(fs.readdirSync(path.join(server.data, 'work')), [], 'nothing is left behind');
});
