// What analyses find in clips whose cuts, black, still and silent stretches are known.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before } from 'node:test';
import { assert_problem } from './support/api.mjs';
import { clip, lacks_clips, lacks_tools, short_clip } from './support/media.mjs';
import { Server } from './support/server.mjs';
import { call } from './support/http.mjs';
import { check, check_if, temp_folder } from './support/suite.mjs';

let server;
before(async () => {
  server = await Server.start();
}, { timeout: 120_000 });
after(async () => server?.close());

async function analysed(bytes, name, options = { profile: 'fast' }) {
  const { input } = await server.client.upload(bytes, name);
  const task = await server.client.done({ kind: 'analyse', input, options });
  assert.equal(task.outputs.length, 1);
  const [output] = task.outputs;
  assert.equal(output.type, 'document');
  const answer = await call('GET', output.url);
  assert.equal(answer.status, 200);
  assert.match(answer.headers['content-type'], /^application\/json/);
  const report = answer.json();
  assert.equal(report.version, '1.0');
  assert.equal(report.task_id, task.id);
  return report;
}

const status_of = (report, name) => report.analyses.find((a) => a.name === name);

function assert_near(actual, wanted, what, slack = 0.06) {
  assert.equal(actual.length, wanted.length, `${what}: ${JSON.stringify(actual)}`);
  wanted.forEach(([start, end], i) => {
    assert.ok(Math.abs(actual[i].start - start) <= slack && Math.abs(actual[i].end - end) <= slack,
              `${what} ${i}: ${JSON.stringify(actual[i])}, not ${start} to ${end}`);
  });
}

/// Seconds 0-2 one moving scene, 2-4 another, 4-5 black, 5-8 a still; a tone but for 3-5.5.
function known_clip() {
  const file = path.join(temp_folder('known'), 'known.mp4');
  const size = 's=320x240:r=25';
  const made = spawnSync('ffmpeg', ['-v', 'error', '-y',
    '-f', 'lavfi', '-i', `testsrc2=${size}:d=2`,
    '-f', 'lavfi', '-i', `testsrc2=${size}:d=2,negate,hflip`,
    '-f', 'lavfi', '-i', `color=black:${size}:d=1`,
    '-f', 'lavfi', '-i', `smptebars=${size}:d=3`,
    '-f', 'lavfi', '-i', 'sine=f=440:r=48000:d=8',
    '-filter_complex',
    '[1:v]format=yuv420p,setsar=1[b];' +
    '[0:v]format=yuv420p,setsar=1[a];[2:v]format=yuv420p,setsar=1[c];' +
    '[3:v]format=yuv420p,setsar=1[d];[a][b][c][d]concat=n=4:v=1:a=0[v];' +
    "[4:a]volume=0:enable='between(t,3,5.5)'[s]",
    '-map', '[v]', '-map', '[s]', '-c:v', 'libx264', '-qp', '12', '-preset', 'ultrafast',
    '-c:a', 'pcm_s16le', '-f', 'mov', file]);
  assert.equal(made.status, 0, made.stderr.toString());
  return fs.readFileSync(file);
}

check_if(lacks_tools, 'cuts, black, stills and silence are found where they were put', async () => {
  const report = await analysed(known_clip(), 'known.mov');
  assert_near(report.shots, [[0, 2], [2, 4], [4, 5], [5, 8]], 'shots');
  assert.deepEqual(report.shots.map((shot) => shot.index), [0, 1, 2, 3]);
  assert_near(report.black, [[4, 5]], 'black');
  assert_near(report.freeze, [[5, 8]], 'freeze');
  assert_near(report.silence, [[3, 5.5]], 'silence');
  assert.equal(report.crop, null);
  assert.equal(report.media.video.width, 320);
  assert.ok(report.loudness.integrated < -10 && report.loudness.integrated > -40);
});

check_if(lacks_tools, 'black bars are found and measured', async () => {
  const file = path.join(temp_folder('bars'), 'bars.mp4');
  const made = spawnSync('ffmpeg', ['-v', 'error', '-y', '-f', 'lavfi', '-i',
    'testsrc2=s=640x360:r=25:d=3', '-vf', 'pad=640:480:0:60:black', '-c:v', 'libx264',
    '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', file]);
  assert.equal(made.status, 0, made.stderr.toString());
  const report = await analysed(fs.readFileSync(file), 'bars.mp4', { analyses: ['crop'] });
  assert.deepEqual(report.crop, { left: 0, top: 0.125, width: 1, height: 0.75,
                                  bars: 'letterbox' });
  assert.equal(status_of(report, 'shots').reason, 'not_requested');
  assert.ok(!('shots' in report), 'what did not run is not there');
});

check_if(lacks_clips, 'slides are cut at 4, 8 and 12 seconds', async () => {
  const report = await analysed(fs.readFileSync(clip('slides-720p25.mp4')), 'slides.mp4');
  assert_near(report.shots, [[0, 4], [4, 8], [8, 12], [12, 16]], 'shots');
  assert_near(report.freeze, [[1.8, 4], [5.64, 8], [9.52, 12], [12, 16]], 'freeze');
  assert_near(report.silence, [[10.32, 12.21], [14.2, 16]], 'silence');
  assert.ok(Math.abs(report.loudness.integrated + 20.1) <= 0.2, JSON.stringify(report.loudness));
  assert.equal(report.scan.type, 'progressive');
});

check_if(lacks_clips, 'interlaced pictures, odd clocks and missing streams are told', async () => {
  const broadcast = await analysed(fs.readFileSync(clip('interlaced-576i25.ts')), 'i.ts');
  assert.equal(broadcast.scan.type, 'interlaced_tff');
  assert.equal(broadcast.shots.length, 1);
  assert.equal(broadcast.shots[0].start, 0);
  const uneven = await analysed(fs.readFileSync(clip('vfr-720p.mp4')), 'vfr.mp4');
  assert_near(uneven.shots, [[0, 9.8], [9.8, 11.433], [11.433, 12]], 'shots');
  assert.equal(status_of(uneven, 'silence').reason, 'no_audio');
  const sound = await analysed(fs.readFileSync(clip('audio-only.m4a')), 'a.m4a');
  assert.equal(status_of(sound, 'shots').reason, 'no_video');
  assert.ok(Math.abs(sound.loudness.integrated + 20.6) <= 0.2);
  assert.equal(sound.media.video, null);
});

check('what this server has no recogniser for is skipped, and the report says so', async () => {
  const report = await analysed(short_clip().bytes, 'clip.avi', { profile: 'full' });
  for (const name of ['speech', 'labels']) {
    assert.deepEqual(status_of(report, name), { name, status: 'skipped', reason: 'no_provider' });
  }
  for (const run of report.analyses) assert.ok(['done', 'skipped'].includes(run.status), run.name);
});

check('options are read strictly', async () => {
  const { input } = await server.client.upload(short_clip().bytes, 'clip.avi');
  const refused = async (body, field) => assert_problem(
    await server.client.raw('POST', '/api/v1/tasks', { body: { input, ...body } }), 400,
    'invalid_parameter', field);
  await refused({ kind: 'analyse', options: { profil: 'fast' } }, 'options.profil');
  await refused({ kind: 'analyse', options: { analyses: ['mood'] } }, 'options.analyses[0]');
  await refused({ kind: 'analyse', options: { dialect: {} } }, 'options.dialect');
  await refused({ kind: 'analyse', options: [] }, 'options');
  await refused({ kind: 'analyse', template: 'ladder' }, 'outputs');
  await refused({ kind: 'transcode', options: { profile: 'fast' } }, 'options');
  await refused({ outputs: [{ type: 'document' }] }, 'outputs[0].type');
});

check('an input that is no media fails the task', async () => {
  const { input } = await server.client.upload(Buffer.from('<html>'), 'page.mp4');
  const { id } = await server.client.submit({ kind: 'analyse', input });
  const task = await server.client.finished(id);
  assert.equal(task.state, 'failed');
  assert.equal(task.error.code, 'not_media');
});
