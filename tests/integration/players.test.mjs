// What HLS and DASH outputs are for: played in a browser, by the players that web sites use.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { Browser, lacks_players } from './support/browser.mjs';
import { clip, lacks_clips } from './support/media.mjs';
import { check_if } from './support/suite.mjs';
import { Transcodes, near } from './support/transcodes.mjs';

const long = { timeout: 300_000 };
const lacking = lacks_clips ?? lacks_players;
let made;
let browser;

before(async () => {
  if (lacking) return;
  made = await new Transcodes().start();
  browser = await Browser.start();
}, { timeout: 120_000 });
after(async () => {
  await browser?.close();
  await made?.close();
}, { timeout: 120_000 });

// 12 s; sound: eng "Original" (default), deu "Deutsch", and two more; text: eng and jpn.
const source = () => clip('multi-audio-subs.mkv');
const seconds = 12;
const quick = { preset: 'ultrafast', gop: 2 };
const ladder = (more) => ({
  name: 'show', type: 'hls', segment: 4, renditions: [
    { name: 'large', video: { ...quick, short_side: 240 } },
    { name: 'small', video: { ...quick, short_side: 120 } }],
  ...more,
});
const with_sound = (audio) => ladder().renditions.map((r) => ({ ...r, audio }));

async function output_of(spec) {
  const task = await made.make(source(), [spec]);
  const output = task.outputs[0];
  assert.equal(output.state, 'succeeded', JSON.stringify(output.error));
  return output;
}

const link_of = (output, ending) => output.files.find((f) => f.name.endsWith(ending)).url;

/// To the end of what every player must do with it.
async function assert_plays(player, url) {
  const playing = await browser.play(player, url);
  try {
    const seen = await playing.until('playing', (s) => s.at > 0.5 && s.frames > 5 && s.sound > 0);
    near(seen.duration, seconds, 0.2, `${player}: duration`);
    await playing.seek(9);
    await playing.seek(2);
    await playing.seek(seconds - 1.5);
    const end = await playing.until('the end', (s) => s.at > seconds - 0.5);
    assert.ok([240, 120].includes(end.height), `${player}: ${end.height} lines`);
  } finally {
    await playing.close();
  }
}

let both = null;
const packaged_once = () => (both ??= output_of(ladder({ manifests: ['dash', 'hls'] })));

check_if(lacking, 'one set of fragments plays by DASH and by HLS', async () => {
  const output = await packaged_once();
  assert.equal(output.url, link_of(output, 'manifest.mpd'), 'the first manifest is what opens');
  await assert_plays('dash', output.url);
  await assert_plays('hls', link_of(output, 'master.m3u8'));
}, long);

check_if(lacking, 'sound and pictures are as far apart as in the source', async () => {
  const output = await packaged_once();
  for (const [player, ending] of [['dash', 'manifest.mpd'], ['hls', 'master.m3u8']]) {
    const playing = await browser.play(player, link_of(output, ending));
    // The pictures begin 104 ms after the sound, and end 11 ms before it.
    const { ends } = await playing.until('all of both', (s) =>
      s.ends.video > seconds - 0.5 && s.ends.audio > seconds - 0.2);
    near(ends.video - ends.audio, -0.011, 0.03, `${player}: the end of the pictures and the sound`);
    await playing.close();
  }
}, long);

check_if(lacking, 'a player changes the rendition as it plays', async () => {
  const output = await packaged_once();
  const by_hls = await browser.play('hls', link_of(output, 'master.m3u8'));
  await by_hls.until('playing', (s) => s.at > 0.2);
  for (const lines of [120, 240]) {
    await by_hls.run((wanted) => {
      hls.currentLevel = hls.levels.findIndex((level) => level.height === wanted);
    }, lines);
    await by_hls.until(`${lines} lines`, (s) => s.height === lines);
  }
  await by_hls.close();
  const by_dash = await browser.play('dash', link_of(output, 'manifest.mpd'));
  await by_dash.until('playing', (s) => s.at > 0.2);
  for (const lines of [120, 240]) {
    await by_dash.run((wanted) => {
      dash.updateSettings({ streaming: { abr: { autoSwitchBitrate: { video: false } },
                                         buffer: { fastSwitchEnabled: true } } });
      const list = dash.getRepresentationsByType('video');
      const index = list.findIndex((r) => r.height === wanted);
      dash.setRepresentationForTypeByIndex('video', index, true);
      video.currentTime = 1;
    }, lines);
    await by_dash.until(`${lines} lines`, (s) => s.height === lines);
  }
  await by_dash.close();
}, long);

for (const segments of ['ts', 'fmp4']) {
  check_if(lacking, `HLS in ${segments} segments plays, with sound beside the pictures in each`,
           async () => {
    const output = await output_of(ladder({ segments }));
    await assert_plays('hls', output.url);
  }, long);

  check_if(lacking, `encrypted HLS in ${segments} segments plays with the key its link brings`,
           async () => {
    const output = await output_of(ladder({ segments, encryption: {} }));
    await assert_plays('hls', output.url);
  }, long);
}

let spoken = null;
const with_tracks = () => (spoken ??= output_of(ladder({
  manifests: ['hls', 'dash'], subtitles: 'all',
  renditions: with_sound({ tracks: ['en', 'de'], bitrate: 64_000 }) })));

check_if(lacking, 'HLS players find the languages, and change them as they play', async () => {
  const output = await with_tracks();
  const playing = await browser.play('hls', link_of(output, 'master.m3u8'));
  await playing.until('playing', (s) => s.at > 0.5);
  const tracks = await playing.run(() => hls.audioTracks.map(
    (t) => ({ name: t.name, lang: t.lang, main: t.default })));
  assert.deepEqual(tracks, [{ name: 'Original', lang: 'en', main: true },
                            { name: 'Deutsch', lang: 'de', main: false }]);
  const before = await playing.state();
  await playing.run(() => { hls.audioTrack = 1; });
  await playing.until('the other language', (s) => s.at > before.at + 1);
  assert.equal(await playing.run(() => hls.audioTrack), 1);
  await playing.seek(8);
  await playing.close();
}, long);

check_if(lacking, 'DASH players find the languages, and change them as they play', async () => {
  const output = await with_tracks();
  const playing = await browser.play('dash', link_of(output, 'manifest.mpd'));
  const before = await playing.until('playing', (s) => s.at > 0.5);
  const tracks = await playing.run(() => dash.getTracksFor('audio').map(
    (t) => ({ lang: t.lang, label: t.labels[0]?.text, role: t.roles[0]?.value })));
  assert.deepEqual(tracks, [{ lang: 'en', label: 'Original', role: 'main' },
                            { lang: 'de', label: 'Deutsch', role: 'alternate' }]);
  await playing.run(() => {
    dash.setCurrentTrack(dash.getTracksFor('audio').find((t) => t.lang === 'de'));
  });
  await playing.until('the other language', (s) => s.at > before.at + 1);
  assert.equal(await playing.run(() => dash.getCurrentTrackFor('audio').lang), 'de');
  await playing.seek(8);
  await playing.close();
}, long);

/// What is shown 1 s in, in the text track at `index`.
async function subtitle_of(playing, index, choose) {
  const { all_cues } = await playing.state();
  await playing.run(choose, index);
  // dash.js that seeks while a text is on its way does without it.
  await playing.until('the text', (s) => s.all_cues.length > 0 && s.all_cues[0] !== all_cues[0]);
  await playing.seek(1);
  return (await playing.until('a subtitle', (s) => s.cues.length > 0)).cues.join(' ');
}

check_if(lacking, 'players show the subtitles of each language', async () => {
  const output = await with_tracks();
  const by_hls = await browser.play('hls', link_of(output, 'master.m3u8'));
  await by_hls.until('playing', (s) => s.at > 0.2);
  assert.deepEqual(await by_hls.run(() => hls.subtitleTracks.map((t) => t.lang)), ['en', 'ja']);
  const shown = [];
  for (const index of [0, 1]) {
    shown.push(await subtitle_of(by_hls, index, (i) => {
      hls.subtitleTrack = i;
      hls.subtitleDisplay = true;
    }));
  }
  await by_hls.close();
  const { url } = await output_of(ladder({ segments: 'ts', subtitles: ['en'] }));
  const by_ts = await browser.play('hls', url);
  await by_ts.until('playing', (s) => s.at > 0.2);
  assert.equal(await subtitle_of(by_ts, 0, (i) => { hls.subtitleTrack = i; }), shown[0],
               'at the same time, whatever the clock of the segments');
  await by_ts.close();
  assert.equal(shown[0], 'A quiet stream in the morning.');
  assert.match(shown[1], /[\u3040-\u30ff\u4e00-\u9fff]/);

  const by_dash = await browser.play('dash', link_of(output, 'manifest.mpd'));
  await by_dash.until('playing', (s) => s.at > 0.2);
  assert.deepEqual(await by_dash.run(() => dash.getTracksFor('text').map((t) => t.lang)),
                   ['en', 'ja']);
  for (const index of [0, 1]) {
    const words = await subtitle_of(by_dash, index, (i) => {
      dash.enableText(true);
      dash.setTextTrack(i);
    });
    assert.equal(words, shown[index], 'both players show the same');
  }
  await by_dash.close();
}, long);

check_if(lacking, 'a fragmented MP4 plays from its first byte', async () => {
  const output = await output_of({ name: 'one', type: 'video', fragmented: true,
                                   video: { ...quick, short_side: 240 } });
  await assert_plays('file', output.url);
}, long);
