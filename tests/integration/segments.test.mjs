// Long sources are encoded in segments. What comes out is compared with one pass over the same
// source: packet by packet where it must be the same, by its quality where it may differ.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import {
  assert_decodes, clip, colour_at, forged, lacks_clips, lacks_tools, likeness, likenesses,
  packets_of, stream_md5, timing_of,
} from './support/media.mjs';
import { made_with, same_in_segments, video } from './support/segments.mjs';
import { check_if, random_from, remove_folder, sleep, temp_folder, until } from './support/suite.mjs';
import { Transcodes, near } from './support/transcodes.mjs';

const lacks = lacks_clips ?? lacks_tools;
const source = lacks ? null : clip('bbb-1080p24.mp4'); // a keyframe every 2 s, for 12 s
const outputs = [
  { name: 'h264', type: 'video', video: video({ short_side: 360 }), audio: {} },
  { name: 'h265', type: 'video', video: video({ codec: 'h265', short_side: 180 }), audio: {} },
  { name: 'vp9', type: 'video', container: 'webm', video: video({ codec: 'vp9', short_side: 120 }),
    audio: {} },
  { name: 'hls', type: 'hls', segment: 4,
    renditions: [{ name: 'a', video: video({ short_side: 240 }), audio: {} },
                 { name: 'b', video: video({ short_side: 120 }), audio: {} }] },
  { name: 'cover', type: 'cover' },
  { name: 'sound', type: 'video', container: 'm4a', audio: { codec: 'copy' } },
];

for (const kind of ['mp4', 'mkv']) {
  check_if(lacks, `what is copied of ${kind} is not cut, and goes beside what is`, async () => {
    const from = await forged(['-i', source, '-map', '0:v:0', '-map', '0:a:0', '-c', 'copy'], kind);
    const roomy = { name: 'same', type: 'video', video: { max_rate: 100_000_000 },
                    audio: { bitrate: 320_000 } };
    const joined = await made_with('2s', [roomy, outputs[0]], from);
    const alone = await made_with('2s', [roomy], from);
    try {
      assert.equal(alone.task.attempts, 1);
      assert.equal(joined.task.attempts, 8);
      for (const one of [joined, alone]) {
        const { file } = await one.transcodes.file(one.output('same'));
        assert.equal(await stream_md5(file, 'v:0'), await stream_md5(from, 'v:0'));
        assert.equal(await stream_md5(file, 'a:0'), await stream_md5(from, 'a:0'));
      }
      await assert_decodes((await joined.transcodes.file(joined.output('h264'))).file);
    } finally {
      await joined.transcodes.close();
      await alone.transcodes.close();
    }
  });
}

check_if(lacks, 'segments join without a seam', async () => {
  const whole = await made_with('0', outputs, source);
  const joined = await made_with('2s', outputs, source);
  try {
    assert.equal(whole.task.attempts, 1);
    // The cutting, six segments, what needs no encoded pictures, the join.
    assert.equal(joined.task.attempts, 9);
    for (const name of ['h264', 'h265', 'vp9']) {
      const one = await whole.transcodes.file(whole.output(name));
      const two = await joined.transcodes.file(joined.output(name));
      await assert_decodes(two.file);
      const [before, after] = [await timing_of(one.file), await timing_of(two.file)];
      assert.deepEqual(after.shown, before.shown, `${name}: times of pictures`);
      assert.ok(after.decoded.every((at, i) => i === 0 || at > after.decoded[i - 1]),
                `${name}: decoding order`);
      assert.equal(await stream_md5(two.file, 'a:0'), await stream_md5(one.file, 'a:0'),
                   `${name}: sound`);
      near(two.bytes.length / one.bytes.length, 1, 0.06, `${name}: size`);
      const { width, height, frames, duration } = joined.output(name).facts.video[0];
      assert.equal(frames, before.shown.length);
      assert.equal(duration, whole.output(name).facts.video[0].duration);
      near(await likeness(two.file, source, width, height),
           await likeness(one.file, source, width, height), 0.003, `${name}: SSIM`);
    }
  } finally {
    await whole.transcodes.close();
    await joined.transcodes.close();
  }
});

check_if(lacks, 'ladders, covers and copies of a source in segments', async () => {
  const { transcodes, output } = await made_with('2s', outputs, source);
  try {
    const [a, b] = await transcodes.hls(output('hls'));
    assert.deepEqual(a.segments.map((s) => s.seconds), b.segments.map((s) => s.seconds));
    near(a.segments.reduce((sum, s) => sum + s.seconds, 0), 12.04, 0.1, 'the playlist');
    for (const variant of [a, b]) {
      await assert_decodes(variant.file);
      assert.equal((await timing_of(variant.file)).shown.length, 288);
    }
    const sound = await transcodes.file(output('sound'));
    assert.equal(await stream_md5(sound.file, 'a:0'), await stream_md5(source, 'a:0'));
    await transcodes.file(output('cover'));
    const objects = path.join(transcodes.server.data, 'objects');
    await until('nothing is left but the outputs', () => {
      const folders = fs.readdirSync(objects, { recursive: true }).map(String);
      return !folders.some((name) => /\/\d+-\d+\/\d+$/.test(name));
    });
  } finally {
    await transcodes.close();
  }
});

check_if(lacks, 'a part of a long source is cut where it begins and ends', async () => {
  const part = [{ name: 'part', type: 'video', start: 1.5, end: 10.25,
                  video: video({ short_side: 120 }), audio: {} }];
  const whole = await made_with('0', part, source);
  const joined = await made_with('2s', part, source);
  try {
    const one = await whole.transcodes.file(whole.output('part'));
    const two = await joined.transcodes.file(joined.output('part'));
    assert.ok(joined.task.attempts > 4);
    assert.deepEqual((await timing_of(two.file)).shown, (await timing_of(one.file)).shown);
    assert.equal(await stream_md5(two.file, 'a:0'), await stream_md5(one.file, 'a:0'));
    await assert_decodes(two.file);
  } finally {
    await whole.transcodes.close();
    await joined.transcodes.close();
  }
});

check_if(lacks_tools, 'times that a container rounds, and sound that outlasts the pictures', async () => {
  const rounded = await forged(['-f', 'lavfi', '-i', 'testsrc2=s=160x120:r=30000/1001:d=9',
    '-f', 'lavfi', '-i', 'sine=r=48000:d=12', '-c:v', 'libx264', '-preset', 'ultrafast', '-g', '45',
    '-pix_fmt', 'yuv420p', '-c:a', 'aac']);
  const wanted = [{ name: 'a', type: 'video', video: video({ short_side: 60 }), audio: {} }];
  const whole = await made_with('0', wanted, rounded);
  const joined = await made_with('2s', wanted, rounded);
  try {
    assert.ok(joined.task.attempts > 5);
    const one = await whole.transcodes.file(whole.output('a'));
    const two = await joined.transcodes.file(joined.output('a'));
    const [before, after] = [await timing_of(one.file), await timing_of(two.file)];
    assert.equal(after.shown.length, before.shown.length);
    after.shown.forEach((at, i) => near(at, before.shown[i], 0.0011, `picture ${i}`));
    await assert_decodes(two.file);
  } finally {
    await whole.transcodes.close();
    await joined.transcodes.close();
  }
});

const keys = ['-an', '-g', '24', '-c:v', 'libx264', '-preset', 'veryfast', '-crf', '14'];
const fields = ['-flags', '+ildct+ilme', '-x264-params', 'tff=1', ...keys];
const around = [
  ['fewer pictures', [], { max_frame_rate: 10 }],
  ['another rate', [], { frame_rate: 29.97 }],
  ['a rate far lower', [], { frame_rate: 1.5 }],
  ['fields', ['-vf', 'scale=320:180,setpts=PTS/2,fps=50,tinterlace=interleave_top', ...fields], {}],
  ['film in fields', ['-vf', 'scale=320:180,setpts=N*1001/24000/TB,fps=24000/1001,telecine', ...fields], {}],
  ['film at a rate', ['-vf', 'scale=320:180,setpts=N*1001/24000/TB,fps=24000/1001,telecine', ...fields],
    { frame_rate: 23.976 }],
];
for (const [what, args, options] of around) {
  check_if(lacks, `what depends on the pictures around is the same in segments: ${what}`, async () => {
    const from = args.length > 0 ? await forged(['-i', source, ...args], 'mp4') : source;
    await same_in_segments(from, [
      { name: 'v', type: 'video', audio: false,
        video: video({ short_side: 180, crf: 14, ...options }) }]);
  });
}

// Lines that overlap: where one stands depends on which came first.
const lines = [[0.5, 3.5, 'the first'], [1.2, 9.7, 'stays long'], [3.1, 5.2, 'third'],
               [4.8, 8.4, 'two rows of<br>words'], [6.3, 11.5, 'the last']];
const clock = (at) => `00:00:${at.toFixed(3).padStart(6, '0').replace('.', ',')}`;

check_if(lacks, 'subtitles that are drawn stand as they do in one pass', async () => {
  const folder = temp_folder('lines');
  try {
    const file = path.join(folder, 'lines.srt');
    fs.writeFileSync(file, lines.map(([from, to, text], i) =>
      `${i + 1}\n${clock(from)} --> ${clock(to)}\n${text}\n`).join('\n'));
    const from = await forged(['-i', source, '-i', file, '-map', '0:v:0', '-map', '1', '-c:v', 'copy',
      '-c:s', 'srt', '-metadata:s:s:0', 'language=eng'], 'mkv');
    const drawn = (name, subtitles, options) => ({ name, type: 'video', audio: false, ...options,
      video: video({ short_side: 360, crf: 14, subtitles }) });
    await same_in_segments(from, [drawn('large', { size: '12%' }),
      drawn('small', { language: 'en', size: '6%' }, { start: 2.4 })]);
  } finally {
    remove_folder(folder);
  }
});

check_if(lacks, 'parts of a source, apart and over each other, are cut where they are', async () => {
  const part = (name, start, end, options) => ({ name, type: 'video', start, end, audio: {},
    video: video({ short_side: 120, crf: 14, ...options }) });
  await same_in_segments(source, [part('early', 0.5, 3.25), part('late', 8.1, 11.6),
    part('later', 9, 0, { frame_rate: 10 }), part('tail', -2.5, 0)], { units: 5 });
});

check_if(lacks, 'parts that are far from each other are all that is decoded', async () => {
  const long = await forged(['-stream_loop', '9', '-i', source, '-map', '0:v:0', '-c', 'copy'], 'mp4');
  const parts = [3, 41.7, 90].map((start, i) => ({ name: `p${i}`, type: 'video', start,
    end: start + 4, audio: false, video: video({ short_side: 120, crf: 14 }) }));
  const { transcodes, task } = await made_with('8s', parts, long);
  try {
    // The finding, a segment for each part, the join.
    assert.equal(task.attempts, 5);
    for (const { name, facts } of task.outputs) assert.equal(facts.video[0].frames, 96, name);
  } finally {
    await transcodes.close();
  }
  await same_in_segments(long, parts, { segment: '8s', units: 5 });
});

check_if(lacks, 'a source that ends too soon is made as far as it goes, segment by segment', async () => {
  const { transcodes } = await made_with('0', [{ name: 'c', type: 'cover' }], source);
  const long = await made_with('2s', [{ name: 'c', type: 'cover' }], source);
  try {
    const bytes = fs.readFileSync(source);
    const packets = await packets_of(source, 'v:0');
    const last = packets.findLast((packet) => packet.key && packet.pts < 9);
    const cut = bytes.subarray(0, last.at + last.size + 1000);
    const made = [];
    for (const one of [transcodes, long.transcodes]) {
      const { input } = await one.server.client.upload(cut, 'cut.mp4');
      const task = await one.server.client.done({ input, accept_damaged: true, outputs: [
        { name: 'v', type: 'video', video: video({ short_side: 120 }), audio: {} }] });
      made.push(task);
      const [output] = task.outputs;
      await assert_decodes((await one.file(output)).file);
      assert.match(output.notes.join(), /incomplete or damaged/);
    }
    assert.equal(made[0].attempts, 1);
    assert.ok(made[1].attempts > 4, `${made[1].attempts} attempts`);
    const [one, two] = made.map((task) => task.outputs[0].facts.video[0].frames);
    assert.equal(two, one);
    assert.ok(one >= 192, `${one} pictures`);
  } finally {
    await transcodes.close();
    await long.transcodes.close();
  }
});

check_if(lacks, 'animations are made in one piece', async () => {
  const { transcodes, task } = await made_with('2s', [
    { name: 'gif', type: 'video', container: 'gif', end: 2, video: { width: 80 } }], source);
  try {
    assert.equal(task.attempts, 1);
    assert.deepEqual(task.outputs.map((o) => o.state), ['succeeded']);
  } finally {
    await transcodes.close();
  }
});

check_if(lacks, 'two bad seconds fail a long source no more than a short one', async () => {
  const bytes = fs.readFileSync(source);
  for (const packet of await packets_of(source, 'v:0')) {
    // Where its keyframes cannot be read a source is not cut.
    const is_bad = packet.pts >= 4 && packet.pts < 6 && !packet.key;
    if (is_bad) bytes.fill(0, packet.at, packet.at + packet.size);
  }
  const wanted = [{ name: 'v', type: 'video', video: video({ short_side: 180 }), audio: {} }];
  const frames = [];
  for (const segment of ['0', '2s']) {
    const transcodes = await new Transcodes().start({ flags: ['--worker-segment', segment] });
    try {
      const task = await transcodes.make(transcodes.store(bytes, 'bad.mp4'), wanted);
      const { file } = await transcodes.file(task.outputs[0]);
      frames.push((await timing_of(file)).shown.length);
      assert.equal(task.attempts > 1, segment !== '0');
    } finally {
      await transcodes.close();
    }
  }
  assert.ok(frames[0] >= 230 && frames[0] < 288, `${frames[0]} pictures`);
  assert.equal(frames[1], frames[0]);
});

check_if(lacks, 'a source that is replaced meanwhile is not joined with itself', async () => {
  const folder = temp_folder('replaced');
  const file = path.join(folder, 'clip.mp4');
  const config = path.join(folder, 'telecine.toml');
  fs.copyFileSync(source, file);
  fs.writeFileSync(config, `[[object.root]]\nname = "media"\npath = "${folder}"\nread = true\n`);
  const transcodes = await new Transcodes().start({
    flags: ['--config', config, '--worker-segment', '2s', '--worker-slots', '1'] });
  const { client } = transcodes.server;
  try {
    const { id } = await client.submit({ input: 'file://media/clip.mp4', outputs: [
      { name: 'v', type: 'video', video: video({ short_side: 360, preset: 'slow' }), audio: {} },
      { name: 'c', type: 'cover' }] });
    await until('a segment is being encoded', async () => (await client.task(id)).attempts >= 3);
    fs.copyFileSync(clip('coffee-720p30.mp4'), `${file}.new`);
    fs.renameSync(`${file}.new`, file);
    const task = await client.finished(id);
    assert.equal(task.state, 'failed');
    assert.match(task.error.message, /changed while/);
  } finally {
    await transcodes.close();
    remove_folder(folder);
  }
});

/// Kills the server again and again while it makes a task, which has so many units: all but those in
/// hand are kept.
async function killed(from, wanted, units, check) {
  const random = random_from(Number(process.env.TELECINE_SEED ?? 7));
  const transcodes = await new Transcodes().start({
    flags: ['--worker-segment', '2s', '--worker-slots', '1'] });
  const { server } = transcodes;
  try {
    const { id } = await server.client.submit({ ...await transcodes.source(from), outputs: [wanted] });
    let kills = 0;
    for (; kills < 6; kills++) {
      await sleep(300 + random() * 1200);
      if ((await server.client.task(id)).state === 'succeeded') break;
      await server.kill();
      await server.launch();
    }
    const task = await server.client.finished(id);
    assert.equal(task.state, 'succeeded', JSON.stringify(task.error));
    assert.ok(kills > 0);
    assert.ok(task.attempts <= units + kills, `${task.attempts} attempts after ${kills} kills`);
    const { file } = await transcodes.file(task.outputs[0]);
    await assert_decodes(file);
    await check(file);
  } finally {
    await transcodes.close();
  }
}

check_if(lacks, 'a kill costs at most the segment in hand', async () => {
  const wanted = { name: 'v', type: 'video', video: video({ short_side: 480, preset: 'slow' }), audio: {} };
  await killed(source, wanted, 8, async (file) => {
    assert.equal((await timing_of(file)).shown.length, 288);
  });
});

const is_black = async (file, at) =>
  (await colour_at(file, 160, 90, { at, side: 120 })).every((sample) => sample < 3);

/// A wide clip, a tall one and sound alone.
const different = async () => [
  await forged(['-i', source, '-vf', 'scale=640:-2', '-c:v', 'libx264', '-g', '24', '-preset',
                'veryfast', '-c:a', 'aac'], 'mp4'),
  await forged(['-f', 'lavfi', '-i', 'sine=880:d=3.3:r=44100'], 'mp3'),
  await forged(['-f', 'lavfi', '-i', 'testsrc2=s=180x320:r=30:d=5', '-c:v', 'libx264', '-g', '30',
                '-pix_fmt', 'yuv420p'], 'mp4'),
];

check_if(lacks, 'sources that differ are joined segment by segment', async () => {
  const pieces = await different();
  const wanted = [{ name: 'v', type: 'video', video: video({ short_side: 180, crf: 14 }), audio: {} },
                  { name: 'c', type: 'cover', at: 13 }];
  const { transcodes, task, output } = await made_with('2s', wanted, pieces);
  try {
    // The look, six segments and three, the join, the finding, segments, the cover, the package.
    assert.ok(task.attempts > 18, `${task.attempts} attempts`);
    const { file } = await transcodes.file(output('v'));
    const { shown } = await timing_of(file);
    // Black stands in for pictures, at the rate of the first.
    const black = shown.filter((at) => at > 12.05 && at < 15.2);
    near(black.length, 3.15 * 24, 2, 'black pictures');
    near(shown.at(-1), 12.04 + 3.3 + 5, 0.15, 'the end');
    assert.ok(await is_black(file, 13.5));
    near(task.source.duration, 12.04 + 3.3 + 5, 0.15, 'what is joined');
    assert.equal(output('c').state, 'succeeded');
  } finally {
    await transcodes.close();
  }
  await same_in_segments(pieces, wanted.slice(0, 1), { segment: '2s', units: 18 });
});

check_if(lacks, 'sound may come first, and pieces may be parts', async () => {
  const [wide, sound, tall] = await different();
  const { transcodes } = await made_with('2s', [{ name: 'c', type: 'cover' }], source);
  try {
    const inputs = [];
    for (const [file, start, end] of [[sound, 0.5, 2.5], [wide, 3, 0], [tall, 0, 2]]) {
      inputs.push({ ...await transcodes.source(file), start, end: end || undefined });
    }
    const task = await transcodes.server.client.done({ inputs, outputs: [
      { name: 'v', type: 'video', video: video({ short_side: 180 }), audio: {} }] });
    const { file } = await transcodes.file(task.outputs[0]);
    await assert_decodes(file);
    assert.ok(await is_black(file, 1));
    assert.ok(!await is_black(file, 4));
    near(task.source.duration, 2 + 9.04 + 2, 0.1, 'what is joined');
    const { video: [seen] } = task.outputs[0].facts;
    assert.deepEqual([seen.width, seen.height], [320, 180]);
  } finally {
    await transcodes.close();
  }
});

check_if(lacks, 'a kill costs at most a segment of one of several sources', async () => {
  const wanted = { name: 'v', type: 'video', video: video({ short_side: 240 }), audio: {} };
  // The look, six segments and three, the join, the finding, ten segments, the package.
  await killed(await different(), wanted, 23, async (file) => {
    near((await timing_of(file)).shown.length, 288 + 80 + 150, 2, 'pictures');
  });
});
