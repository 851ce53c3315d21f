// Sources that follow each other as one: what is awkward about them. How they are joined and looked at
// otherwise is in editing.test.mjs, in pieces of work in segments.test.mjs.
import assert from 'node:assert/strict';
import { assert_decodes, colour_at, ffprobe, forged, lacks_tools, timing_of } from './support/media.mjs';
import { check_if } from './support/suite.mjs';
import { Transcodes, near } from './support/transcodes.mjs';

const long = { timeout: 300_000 };
const made = Transcodes.for_all_checks();
const x264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '25', '-pix_fmt', 'yuv420p'];
const pictures = (seconds, size = '320x180', rate = 25) =>
  ['-f', 'lavfi', '-i', `testsrc2=s=${size}:r=${rate}:d=${seconds}`];
const tone = (seconds) => ['-f', 'lavfi', '-i', `sine=440:r=48000:d=${seconds}`];
const clip = (seconds, { sound = seconds, kind = 'mp4', size, rate } = {}) =>
  forged([...pictures(seconds, size, rate), ...tone(sound), ...x264, '-c:a', 'aac'], kind);
const video = { preset: 'ultrafast', crf: 20 };
const outputs = [{ name: 'v', type: 'video', video, audio: {} }];

async function joined(pieces, { transcodes = made, wanted = outputs } = {}) {
  const inputs = [];
  for (const { file, ...part } of pieces) inputs.push({ ...await transcodes.source(file), ...part });
  return transcodes.server.client.done({ inputs, outputs: wanted, max_attempts: 1 });
}

async function file_of(task, transcodes = made) {
  const { file } = await transcodes.file(task.outputs[0]);
  await assert_decodes(file);
  return file;
}

check_if(lacks_tools, 'a part that lies where the only sound has ended is silent, and nothing else', async () => {
  const mute = await forged([...pictures(2, '180x320'), ...x264], 'mp4');
  const task = await joined([{ file: mute }, { file: await clip(6, { sound: 2 }), start: 4 }]);
  const seen = await ffprobe(await file_of(task));
  assert.ok(!seen.audio);
  near(Number(seen.format.duration), 4, 0.1, 'duration');
}, long);

check_if(lacks_tools, 'what is joined may be larger than what may come in', async () => {
  const one = await clip(4);
  const other = await clip(3, { size: '180x320', rate: 30 });
  const transcodes = await new Transcodes().start({ flags: ['--worker-max-input', '1M'] });
  try {
    const pieces = Array.from({ length: 6 }, (_, i) => ({ file: i % 2 ? one : other }));
    const task = await joined(pieces, { transcodes });
    near(task.source.duration, 21, 0.3, 'duration');
    assert.ok(task.source.size > 1 << 20, `${task.source.size} bytes`);
  } finally {
    await transcodes.close();
  }
}, long);

check_if(lacks_tools, 'a part that is not there is said at once, and of which source', async () => {
  const inputs = [await made.source(await clip(4)), { ...await made.source(await clip(5, { rate: 30 })), start: 60 }];
  const task = await made.server.client.submit({ inputs, outputs });
  const ended = await made.server.client.finished(task.id);
  assert.equal(ended.state, 'failed');
  assert.equal(ended.error.message.match(/inputs\[1\]/g).length, 1, ended.error.message);
  assert.match(ended.error.message, /the part begins at 60/);
  assert.equal(ended.error.field, 'inputs[1]');
  assert.equal(ended.attempts, 1);
}, long);

check_if(lacks_tools, 'a picture wider than what may be asked for can come first', async () => {
  const wide = await forged(['-f', 'lavfi', '-i', 'color=red:s=9504x96', '-frames:v', '1'], 'png');
  const file = await file_of(await joined([{ file: wide }, { file: await clip(2) }], {
    wanted: [{ name: 'v', type: 'video', video: { ...video, width: 960 }, audio: {} }] }));
  const [r, g, b] = await colour_at(file, 480, 4, { at: 0, side: 4 });
  assert.ok(r > 200 && g < 60 && b < 60, `${r},${g},${b}`);
}, long);

check_if(lacks_tools, 'transport streams are encoded with their sound, the others in segments', async () => {
  const pieces = [await clip(6, { kind: 'ts' }), await clip(6, { rate: 30, size: '180x320' })];
  const whole = await joined(pieces.map((file) => ({ file })));
  const transcodes = await new Transcodes().start({ flags: ['--worker-segment', '1s'] });
  try {
    const task = await joined(pieces.map((file) => ({ file })), { transcodes });
    assert.ok(task.attempts > 8, `${task.attempts} attempts`);
    const one = await file_of(whole);
    const two = await file_of(task, transcodes);
    assert.deepEqual((await timing_of(two)).shown, (await timing_of(one)).shown);
    near(Number((await ffprobe(two)).audio.duration), 12, 0.1, 'sound');
  } finally {
    await transcodes.close();
  }
}, long);

check_if(lacks_tools, 'black that follows slides does not outlast its sound', async () => {
  const slides = await forged([...pictures(20, '320x180', '1/10'), ...x264], 'mp4');
  const sound = await forged([...tone(3)], 'mp3');
  const task = await joined([{ file: slides }, { file: sound }, { file: await clip(2, { rate: 30 }) }]);
  near(task.source.duration, 25, 0.3, 'duration');
}, long);

check_if(lacks_tools, 'what neither shows nor sounds cannot be joined', async () => {
  const words = made.store(Buffer.from('1\n00:00:00,000 --> 00:00:02,000\nwords\n'), 'words.srt');
  const text = await forged(['-i', words, '-c:s', 'srt'], 'mkv');
  const inputs = [await made.source(await clip(2)), await made.source(text)];
  const { id } = await made.server.client.submit({ inputs, outputs, max_attempts: 1 });
  const ended = await made.server.client.finished(id);
  assert.equal(ended.state, 'failed');
  assert.match(ended.error.message, /inputs\[1\].*neither pictures nor sound/);
}, long);
