// How many cuts are found, and how many of those found are cuts. The numbers are printed.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before } from 'node:test';
import { call } from './support/http.mjs';
import { lacks_clips, lacks_tools } from './support/media.mjs';
import { Server } from './support/server.mjs';
import { faint_clips, leaping_clips, made_clips, shared_clips } from './support/shot_truths.mjs';
import { check_if } from './support/suite.mjs';

/// Two pictures at 25 a second, less a bit.
const slack = 0.06;

let server;
before(async () => {
  server = await Server.start();
}, { timeout: 120_000 });
after(async () => server?.close());

async function cuts_found(file) {
  const { input } = await server.client.upload(fs.readFileSync(file), path.basename(file));
  const task = await server.client.done({ kind: 'analyse', input,
                                          options: { analyses: ['shots'] } });
  const report = (await call('GET', task.outputs[0].url)).json();
  return report.shots.slice(1).map((shot) => shot.start);
}

/// Each cut found stands for one that is there at most.
function compare(found, there) {
  const left = [...there];
  let hits = 0;
  for (const at of found) {
    const near = left.findIndex((cut) => Math.abs(cut - at) <= slack);
    if (near < 0) continue;
    left.splice(near, 1);
    hits += 1;
  }
  return { hits, found: found.length, there: there.length,
           missed: left, extra: found.length - hits };
}

const percent = (part, whole) => (whole === 0 ? '–' : `${((100 * part) / whole).toFixed(1)} %`);
function line(name, { hits, found, there }) {
  return `${name}: ${there} cuts, ${found} found, ${hits} right; ` +
    `precision ${percent(hits, found)}, recall ${percent(hits, there)}`;
}

async function measure(title, clips) {
  const all = { hits: 0, found: 0, there: 0 };
  for (const { name, file, cuts } of clips) {
    const found = await cuts_found(file);
    const one = compare(found, cuts);
    const missed = one.missed.length ? `; missed ${one.missed.map((c) => c.toFixed(3))}` : '';
    const extra = one.extra ? `; found ${found}` : '';
    console.log(`  ${line(name, one)}${missed}${extra}`);
    for (const key of Object.keys(all)) all[key] += one[key];
  }
  console.log(line(title, all));
  return all;
}

check_if(lacks_clips, 'the shared clips: every cut, and nothing else', async () => {
  const all = await measure('shared clips', shared_clips());
  assert.equal(all.hits, all.there);
  assert.equal(all.found, all.there);
});

check_if(lacks_tools, 'synthesised clips: nearly every cut, and hardly anything else', async () => {
  const all = await measure('synthesised clips', made_clips());
  assert.ok(all.hits >= 0.9 * all.there, 'recall');
  assert.ok(all.hits >= 0.9 * all.found, 'precision');
}, { timeout: 600_000 });

check_if(lacks_tools, 'faint changes are left out rather than guessed', async () => {
  const all = await measure('faint changes', faint_clips());
  assert.equal(all.hits, all.found, 'what is found is a cut');
});

check_if(lacks_tools, 'leaps within a scene are taken for cuts', async () => {
  const all = await measure('leaping scenes', leaping_clips());
  assert.ok(all.found > all.there, 'a leap looks like a cut');
});
