// Tracks and how they are packaged: languages, subtitles, chapters, fragments, DASH and encryption,
// looked at with tools that are not ours.
import assert from 'node:assert/strict';
import { createDecipheriv } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { assert_problem } from './support/api.mjs';
import { call } from './support/http.mjs';
import { assert_decodes, boxes, clip, ffprobe, lacks_clips, lacks_tools, packets_of }
  from './support/media.mjs';
import { pgs_of } from './support/pgs.mjs';
import { check, check_if } from './support/suite.mjs';
import { Transcodes, load, near } from './support/transcodes.mjs';

const long = { timeout: 300_000 };
const lacking = lacks_clips ?? lacks_tools;
const made = Transcodes.for_all_checks();

// 286 frames at 24 frames/s from 0.104 s on; sound: eng (default), deu, eng "Commentary", eng 5.1;
// text: eng, jpn; chapters at 0 and 6 s.
const source = () => clip('multi-audio-subs.mkv');
const frames = 286;
const seconds = 12;
const quick = { preset: 'ultrafast', short_side: 120, gop: 2 };

async function one(file, spec) {
  const task = await made.make(file, [spec]);
  const output = task.outputs[0];
  assert.equal(output.state, 'succeeded', JSON.stringify(output.error));
  return output;
}

/// A file put together by ffmpeg.
function assembled(name, args) {
  const file = path.join(made.folder, name);
  const { status, stderr } = spawnSync('ffmpeg', ['-v', 'error', '-y', ...args, file]);
  assert.equal(status, 0, String(stderr));
  return file;
}

async function streams_of(file, kind) {
  const seen = await ffprobe(file);
  return seen.streams.filter((s) => s.codec_type === kind);
}

function chapters_of(file) {
  const { stdout } = spawnSync('ffprobe', ['-v', 'error', '-of', 'json', '-show_chapters', file]);
  return JSON.parse(stdout).chapters.map(
    (c) => [Number(c.start_time), Number(c.end_time), c.tags.title]);
}

// --- fragmented MP4 ---

check_if(lacking, 'a fragmented MP4 has its pieces indexed in front and at its end', async () => {
  const output = await one(source(), { name: 'v', type: 'video', fragmented: true, video: quick });
  const { bytes, file } = await made.file(output);
  const order = boxes(bytes).map((box) => box.type);
  const pieces = order.filter((type) => type === 'moof').length;
  assert.ok(pieces >= 5, order.join(' '));
  assert.ok(order.indexOf('moov') < order.indexOf('moof'), order.join(' '));
  assert.ok(order.indexOf('sidx') > 0 && order.indexOf('sidx') < order.indexOf('moof'));
  assert.equal(order.at(-1), 'mfra');
  // Each entry of the index is a piece that begins with a keyframe.
  const sidx = boxes(bytes).find((box) => box.type === 'sidx');
  const wide = bytes[sidx.body] === 1;
  const count = bytes.readUInt16BE(sidx.body + (wide ? 30 : 22));
  assert.ok(count >= 5 && count <= pieces, `${count} entries`);
  const seen = await ffprobe(file, { count: true });
  assert.equal(Number(seen.video.nb_read_frames), frames);
  near(Number(seen.format.duration), seconds, 0.1, 'duration');
  await assert_decodes(file);
  const keys = (await packets_of(file, 'v:0')).filter((p) => p.key);
  assert.ok(keys.length >= pieces - 1);
}, long);

check_if(lacking, 'a fragmented MP4 of sound alone comes in pieces too', async () => {
  const output = await one(source(), { name: 'v', type: 'video', fragmented: true, video: false });
  const { bytes, file } = await made.file(output);
  assert.ok(boxes(bytes).filter((box) => box.type === 'moof').length >= 5);
  near(Number((await ffprobe(file)).format.duration), seconds, 0.1, 'duration');
  await assert_decodes(file);
}, long);

// --- DASH ---

const attribute = (text, name) => new RegExp(` ${name}="([^"]*)"`).exec(text)?.[1];
const unescaped = (text) => text.replaceAll('&amp;', '&');

/// What an MPD names, loaded as a player would.
async function load_dash(url) {
  const answer = await load(url);
  assert.equal(answer.headers['content-type'], 'application/dash+xml');
  const duration = Number(/mediaPresentationDuration="PT([\d.]+)S"/.exec(answer.text)[1]);
  const sets = [];
  const each = /<AdaptationSet([^>]*)>(.*?)<\/AdaptationSet>/gs;
  for (const [, head, body] of answer.text.matchAll(each)) {
    const set = { type: attribute(head, 'contentType'), lang: attribute(head, 'lang'), list: [],
                  role: attribute(body, 'value') };
    for (const [, top, rest] of body.matchAll(/<Representation([^>]*)>(.*?)<\/Representation>/gs)) {
      const found = { id: attribute(top, 'id'), codecs: attribute(top, 'codecs'),
                      bandwidth: Number(attribute(top, 'bandwidth')), rows: [], segments: [] };
      set.list.push(found);
      const text = /<BaseURL>(.*?)<\/BaseURL>/.exec(rest);
      if (text) found.text = (await load(new URL(unescaped(text[1]), url).href)).text;
      if (text) continue;
      const scale = Number(attribute(rest, 'timescale'));
      for (const [row] of rest.matchAll(/<S [^>]*>/g)) {
        let at = Number(attribute(row, 't')) / scale;
        for (let i = 0; i <= Number(attribute(row, 'r') ?? 0); i++) {
          found.rows.push({ at, length: Number(attribute(row, 'd')) / scale });
          at += found.rows.at(-1).length;
        }
      }
      const place = (name) => new URL(unescaped(name), url).href;
      found.init = (await load(place(attribute(rest, 'initialization')))).body;
      for (let i = 1; i <= found.rows.length; i++) {
        const name = attribute(rest, 'media').replace('$Number%05d$', String(i).padStart(5, '0'));
        found.url = place(name);
        found.segments.push((await load(found.url)).body);
      }
      found.file = made.store(Buffer.concat([found.init, ...found.segments]), 'whole.mp4');
    }
    sets.push(set);
  }
  return { duration, sets };
}

const ladder = (more) => ({
  name: 'show', type: 'hls', segment: 4, renditions: [
    { name: 'a', video: quick, audio: { bitrate: 64_000 } },
    { name: 'b', video: { ...quick, short_side: 80 }, audio: { bitrate: 64_000 } },
    { name: 'c', video: { ...quick, short_side: 60 }, audio: { bitrate: 32_000 } }],
  ...more,
});

check_if(lacking, 'DASH and HLS name the same fragments, cut at the same times', async () => {
  const output = await one(source(), ladder({ manifests: ['hls', 'dash'] }));
  assert.deepEqual(output.files.slice(0, 2).map((f) => f.name),
                   ['show/master.m3u8', 'show/manifest.mpd']);
  const { duration, sets } = await load_dash(output.files[1].url);
  near(duration, seconds, 0.1, 'duration');
  assert.deepEqual(sets.map((s) => [s.type, s.list.length]), [['video', 3], ['audio', 2]]);
  assert.equal(sets[1].lang, 'en');
  for (const { codecs, bandwidth, rows, file, segments } of sets.flatMap((s) => s.list)) {
    assert.match(codecs, /^(avc1\.[0-9A-F]{6}|mp4a\.40\.2)$/);
    const largest = Math.max(...rows.map((r, i) => (segments[i].length * 8) / r.length));
    assert.ok(bandwidth > 0 && bandwidth <= largest * 1.01, `${bandwidth} of ${largest} bit/s`);
    await assert_decodes(file);
  }
  const [large, ...others] = sets[0].list;
  assert.equal(Number((await ffprobe(large.file, { count: true })).video.nb_read_frames), frames);
  for (const other of others) {
    assert.deepEqual(other.rows.slice(0, -1), large.rows.slice(0, -1), 'aligned');
  }
  // The times are those at which the fragments show something.
  const shown = await packets_of(large.file, 'v:0');
  for (const { at } of large.rows.slice(1)) {
    assert.ok(shown.some((p) => p.key && Math.abs(p.pts - at) < 0.001), `a keyframe at ${at}`);
  }
  const playlists = await made.hls(output);
  assert.deepEqual(playlists.map((p) => p.segments.length), sets[0].list.map((r) => r.rows.length));
  playlists.forEach((playlist, i) =>
    playlist.segments.forEach((s, k) => assert.ok(s.body.equals(sets[0].list[i].segments[k]))));
  assert.match(playlists[0].attributes, /CODECS="avc1\.[0-9A-F]{6},mp4a\.40\.2".*AUDIO="audio-1"/);
  assert.match(playlists[2].attributes, /AUDIO="audio-2"/);
}, long);

check_if(lacking, 'the signature of a folder of fragments is good for nothing else', async () => {
  const output = await one(source(), ladder({ manifests: ['dash'] }));
  assert.equal(output.files.length, 1, 'no playlist was asked for');
  const { sets } = await load_dash(output.url);
  const place = sets[0].list[0].url;
  assert.equal((await call('GET', place)).status, 200);
  for (const other of ['/b/seg-00001.m4s', '/audio/1/seg-00001.m4s', '/manifest.mpd']) {
    const bent = place.replace(/\/a\/seg-\d+\.m4s/, other);
    assert.notEqual(bent, place);
    assert.equal((await call('GET', bent)).status, 403, other);
  }
}, long);

// --- encryption ---

/// The segments of a playlist, decrypted as a player would.
async function decrypted(url) {
  const { text } = await load(url);
  const keys = new Map();
  const out = [];
  let current = null;
  const map = /#EXT-X-MAP:URI="([^"]+)"/.exec(text);
  if (map) out.push((await load(new URL(map[1], url).href)).body);
  for (const line of text.split('\n')) {
    const key = /#EXT-X-KEY:METHOD=AES-128,URI="([^"]+)",IV=0x([0-9a-f]{32})$/.exec(line);
    if (key) current = { url: new URL(key[1], url).href, iv: Buffer.from(key[2], 'hex') };
    if (line === '' || line.startsWith('#')) continue;
    if (!keys.has(current.url)) keys.set(current.url, (await load(current.url)).body);
    const decipher = createDecipheriv('aes-128-cbc', keys.get(current.url), current.iv);
    const { body } = await load(new URL(line, url).href);
    assert.equal(body.length % 16, 0);
    out.push(Buffer.concat([decipher.update(body), decipher.final()]));
  }
  return { whole: Buffer.concat(out), key: [...keys.values()][0], count: keys.size, text };
}

for (const segments of ['ts', 'fmp4']) {
  check_if(lacking, `encrypted ${segments} segments come back whole with the key`, async () => {
    const output = await one(source(), ladder({ segments, encryption: {} }));
    const lists = output.files.filter((f) => f.name.endsWith('index.m3u8'));
    assert.equal(lists.length, 3);
    const keys = new Set();
    for (const { url } of lists) {
      const { whole, key, count, text } = await decrypted(url);
      assert.equal(count, 1);
      assert.equal(key.length, 16);
      keys.add(key.toString('hex'));
      const vectors = [...text.matchAll(/IV=0x(\w+)/g)].map((m) => m[1]);
      assert.equal(new Set(vectors).size, vectors.length, 'no vector comes twice');
      const file = made.store(whole, segments === 'ts' ? 'whole.ts' : 'whole.mp4');
      assert.equal(Number((await ffprobe(file, { count: true })).video.nb_read_frames), frames);
      await assert_decodes(file);
    }
    assert.equal(keys.size, 1, 'one key for all renditions');
    const [key] = keys;
    const tasks = await made.server.client.raw('GET', '/api/v1/tasks');
    assert.ok(!tasks.text.includes(key), 'no document shows the key');
  }, long);
}

check_if(lacking, 'a key of the caller is used, shown to nobody, and named where the caller says',
         async () => {
  const key = '00112233445566778899aabbccddeeff';
  const key_url = 'https://keys.example.com/show?user=1';
  const output = await one(source(), ladder({ encryption: { key, key_url } }));
  const list = output.files.find((f) => f.name.endsWith('a/index.m3u8'));
  const { text } = await load(list.url);
  const key_lines = /#EXT-X-KEY:METHOD=AES-128,URI="([^"]+)",IV=0x(\w+)\n.*\n(.*)/g;
  const named_keys = [...text.matchAll(key_lines)];
  assert.ok(named_keys.length >= 3);
  const bytes = await Promise.all(named_keys.map(async ([, uri, iv, name]) => {
    assert.equal(uri, key_url);
    const { body } = await load(new URL(name, list.url).href);
    const decipher =
      createDecipheriv('aes-128-cbc', Buffer.from(key, 'hex'), Buffer.from(iv, 'hex'));
    return Buffer.concat([decipher.update(body), decipher.final()]);
  }));
  const init = /#EXT-X-MAP:URI="([^"]+)"/.exec(text)[1];
  const file = made.store(
    Buffer.concat([(await load(new URL(init, list.url).href)).body, ...bytes]), 'whole.mp4');
  await assert_decodes(file);
  const tasks = await made.server.client.raw('GET', '/api/v1/tasks');
  assert.ok(!tasks.text.includes(key), 'no document shows the key');
}, long);

check('keys that would be lost or shown are refused', async () => {
  const refused = async (place, body, field) => {
    const answer = await made.server.client.raw(...place, { body });
    assert_problem(answer, 400, 'invalid_parameter', field);
  };
  const outputs = [ladder({ encryption: { key: 'aa'.repeat(16) } })];
  await refused(['PUT', '/api/v1/templates/secret'], { outputs }, 'outputs[0].encryption.key');
  await refused(['POST', '/api/v1/tasks'],
                { input: 'https://example.com/a.mp4',
                  outputs: [ladder({ encryption: { key_url: 'https://example.com/k' } })] },
                'outputs[0].encryption.key');
});

// --- sound ---

for (const container of ['mp4', 'mkv', 'ts']) {
  check_if(lacking, `${container} holds the tracks asked for, with their languages`, async () => {
    const output = await one(source(), { name: 'v', type: 'video', container, video: quick,
                                         audio: { tracks: 'all', bitrate: 64_000 } });
    const { file } = await made.file(output);
    const audio = await streams_of(file, 'audio');
    assert.deepEqual(audio.map((s) => s.tags?.language), ['eng', 'deu', 'eng', 'eng']);
    if (container === 'mkv') {
      assert.deepEqual(audio.map((s) => s.tags.title),
                       ['Original', 'Deutsch', 'Commentary', 'Surround 5.1']);
    }
    if (container !== 'ts') {
      assert.deepEqual(audio.map((s) => s.disposition.default), [1, 0, 0, 0]);
    }
    for (const stream of audio) near(Number(stream.duration ?? seconds), seconds, 0.2, 'duration');
    assert.deepEqual(output.facts.audio.map((a) => a.language), ['eng', 'deu', 'eng', 'eng']);
    await assert_decodes(file);
  }, long);
}

check_if(lacking, 'tracks are chosen by place and by language, encoded or as they are',
         async () => {
  const task = await made.make(source(), [
    { name: 'place', type: 'video', video: false, audio: { tracks: [1, 0] } },
    { name: 'lang', type: 'video', video: false, audio: { tracks: ['de'] } },
    { name: 'copy', type: 'video', container: 'mkv', video: quick,
      audio: { codec: 'copy', tracks: ['ger', 'en'] } },
    { name: 'none', type: 'video', audio: { tracks: ['fr'] } },
    { name: 'far', type: 'video', audio: { tracks: [9] } },
  ]);
  const [place, lang, copy, none, far] = task.outputs;
  const languages = async (output) =>
    (await streams_of((await made.file(output)).file, 'audio')).map((s) => s.tags.language);
  assert.deepEqual(await languages(place), ['deu', 'eng']);
  assert.deepEqual(await languages(lang), ['deu']);
  assert.deepEqual(await languages(copy), ['deu', 'eng']);
  for (const output of [none, far]) {
    assert.equal(output.state, 'failed');
    assert.equal(output.error.code, 'unsupported');
  }
  assert.match(none.error.message, /languages/);
  assert.match(far.error.message, /no sound track 9: it has 4/);
}, long);

check_if(lacking, 'the largest default picture is the one taken, and never cover art', async () => {
  const art = assembled('art.jpg',
                        ['-f', 'lavfi', '-i', 'color=red:size=640x640', '-frames:v', '1']);
  const song = assembled('song.m4a', ['-i', source(), '-i', art, '-map', '1:v', '-map', '0:a:0',
    '-t', '2', '-c:v', 'mjpeg', '-c:a', 'copy', '-disposition:v', 'attached_pic']);
  const heard = await one(song, { name: 'v', type: 'video' });
  assert.equal(heard.facts.video.length, 0);
  assert.equal(heard.facts.audio.length, 1);
  const two = assembled('two.mkv', [
    '-f', 'lavfi', '-i', 'color=blue:size=160x90:rate=25', '-f', 'lavfi', '-i',
    'color=green:size=320x180:rate=25', '-map', '0', '-map', '1', '-t', '1', '-c:v', 'libx264',
    '-disposition:v:0', '0', '-disposition:v:1', '0']);
  const seen = await one(two, { name: 'v', type: 'video', video: { preset: 'ultrafast' } });
  assert.equal(seen.facts.video[0].width, 320);
}, long);

// --- subtitles and chapters ---

const spoken = [['00:00:00.500', '00:00:03.000'], ['00:00:04.000', '00:00:08.000'],
                ['00:00:09.000', '00:00:11.500']];
const ms = (text) => text.split(':').reduce((sum, part) => sum * 60 + Number(part), 0) * 1000;

function cues_of(text) {
  assert.match(text, /^WEBVTT\n/);
  return [...text.matchAll(/(\S+) --> (\S+)\n((?:.+\n)+)/g)].map(
    ([, start, end, words]) => ({ start: ms(start), end: ms(end), words: words.trim() }));
}

check_if(lacking, 'subtitles are written out as WebVTT, a file for each track', async () => {
  const output = await one(source(), { name: 'text', type: 'subtitles' });
  assert.deepEqual(output.files.map((f) => f.name), ['text/1.vtt', 'text/2.vtt']);
  assert.deepEqual(output.facts.subtitles.map((s) => s.language), ['eng', 'jpn']);
  const { text, headers } = await load(output.url);
  assert.match(headers['content-type'], /^text\/vtt/);
  const cues = cues_of(text);
  assert.equal(cues.length, spoken.length);
  spoken.forEach(([start, end], i) => {
    near(cues[i].start, ms(start), 25, 'begins');
    near(cues[i].end, ms(end), 25, 'ends');
  });
  assert.equal(cues[0].words, 'A quiet stream in the morning.');
  assert.match(cues[2].words, /left (&amp;|&) right/);
  const japanese = cues_of((await load(output.files[1].url)).text);
  assert.match(japanese[0].words, /[\u3040-\u30ff\u4e00-\u9fff]/);
}, long);

for (const [container, codec] of [['mp4', 'mov_text'], ['mkv', 'subrip']]) {
  check_if(lacking, `${container} carries subtitles and chapters, and a part has its share`,
           async () => {
    const task = await made.make(source(), [
      { name: 'whole', type: 'video', container, video: quick, subtitles: 'all' },
      { name: 'part', type: 'video', container, video: quick, subtitles: ['en'],
        start: 5, end: 10 },
    ]);
    const [whole, part] = await Promise.all(task.outputs.map((o) => made.file(o)));
    const text = await streams_of(whole.file, 'subtitle');
    assert.deepEqual(text.map((s) => [s.codec_name, s.tags.language]),
                     [[codec, 'eng'], [codec, 'jpn']]);
    const at = (file) => spawnSync('ffmpeg', ['-v', 'error', '-i', file, '-map', '0:s:0', '-f',
                                              'webvtt', '-']).stdout.toString();
    const cues = [...at(whole.file).matchAll(/(\S+) --> (\S+)/g)];
    assert.equal(cues.length, spoken.length);
    near(ms(cues[1][1]), 4000, 60, 'begins');
    const rest = [...at(part.file).matchAll(/(\S+) --> (\S+)/g)];
    assert.equal(rest.length, 2);
    near(ms(rest[0][2]), 3000, 60, 'the one that is shown as the part begins ends in it');
    const marks = chapters_of(whole.file);
    assert.deepEqual(marks.map((m) => m[2]), ['Stream', 'Bird']);
    near(marks[1][0], 6, 0.01, 'second chapter');
    const [first, second] = chapters_of(part.file);
    near(first[1], 1, 0.01, 'first chapter of the part');
    near(second[1], 5, 0.01, 'second chapter of the part');
    await assert_decodes(whole.file);
  }, long);
}

check_if(lacking, 'pictures of text go into MKV alone; what is left out is said', async () => {
  const bar = { x: 100, y: 300, width: 64, height: 8 };
  const pictures = pgs_of({ width: 640, height: 360 }, [{ ...bar, from: 1, to: 3 }, { ...bar, from: 5, to: 6 }]);
  const bars = made.store(pictures, 'bars.sup');
  const mixed = assembled('mixed.mkv', ['-i', source(), '-i', bars, '-map', '0:v', '-map', '0:a:0',
    '-map', '0:s:0', '-map', '1', '-c', 'copy']);
  const task = await made.make(mixed, [
    { name: 'mkv', type: 'video', container: 'mkv', video: quick, subtitles: 'all' },
    { name: 'mp4', type: 'video', video: quick, subtitles: 'all' },
    { name: 'text', type: 'subtitles' },
  ]);
  const [mkv, mp4, text] = task.outputs;
  const kinds = async (output) =>
    (await streams_of((await made.file(output)).file, 'subtitle')).map((s) => s.codec_name);
  assert.deepEqual(await kinds(mkv), ['subrip', 'hdmv_pgs_subtitle']);
  assert.ok(!mkv.notes?.some((note) => /left out/.test(note)), mkv.notes?.join());
  assert.deepEqual(await kinds(mp4), ['mov_text']);
  assert.match(mp4.notes.join(), /hdmv_pgs_subtitle.*left out/);
  assert.equal(text.files.length, 1);
  assert.match(text.notes[0], /pictures of text/);
}, long);

check_if(lacking, 'HLS and DASH offer the subtitles they were asked for', async () => {
  const output = await one(source(), ladder({ manifests: ['hls', 'dash'], subtitles: 'all' }));
  const master = (await load(output.url)).text;
  const lines = /#EXT-X-MEDIA:TYPE=SUBTITLES,.*LANGUAGE="(\w+)".*URI="([^"]+)"/g;
  const tracks = [...master.matchAll(lines)];
  assert.deepEqual(tracks.map((t) => t[1]), ['en', 'ja']);
  const list = new URL(tracks[0][2], output.url).href;
  const { text } = await load(list);
  const file = /#EXTINF:([\d.]+),\n(.*)/.exec(text);
  near(Number(file[1]), seconds, 0.1, 'length');
  assert.equal(cues_of((await load(new URL(file[2], list).href)).text).length, 3);
  const { sets } = await load_dash(output.files[1].url);
  const texts = sets.filter((s) => s.type === 'text');
  assert.deepEqual(texts.map((s) => [s.lang, cues_of(s.list[0].text).length]),
                   [['en', 3], ['ja', 2]]);
}, long);

check_if(lacking, 'a source without subtitles says so', async () => {
  const task = await made.make(clip('slides-720p25.mp4'), [{ name: 's', type: 'subtitles' },
                                                           { name: 'c', type: 'cover' }]);
  assert.equal(task.outputs[0].error.code, 'unsupported');
  assert.match(task.outputs[0].error.message, /no subtitles/);
}, long);
