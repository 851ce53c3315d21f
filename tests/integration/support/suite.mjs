// What every test file needs: named checks, temporary folders, waiting, and the logs of the
// processes that took part when a check fails.
import { test } from 'node:test';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const minute = 60_000;
const logged = new Set();

/// An object with `describe_log()`; its log is printed when a check of this file fails.
export function watch_log(source) {
  logged.add(source);
}
export function forget_log(source) {
  logged.delete(source);
}

/// One check. `timeout` is a guard against hanging, never a statement about speed.
export function check(name, body, { timeout = 3 * minute } = {}) {
  test(name, { timeout }, async (t) => {
    try {
      await body(t);
    } catch (error) {
      for (const source of logged) console.error(source.describe_log());
      throw error;
    }
  });
}

/// A check that a machine can lack the means for; `lacking` is the reason, or null.
export function check_if(lacking, name, body, options) {
  if (!lacking) return check(name, body, options);
  console.log(`SKIPPED: ${name}: ${lacking}`);
  test(name, { skip: lacking }, () => {});
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/// Calls `probe` until it answers something truthy, and answers that. `what` names the wish.
export async function until(what, probe, { guard = 60_000, every = 50 } = {}) {
  const end = Date.now() + guard;
  let trouble = null;
  for (;;) {
    try {
      const found = await probe();
      if (found) return found;
      trouble = null;
    } catch (error) {
      trouble = error;
    }
    if (Date.now() > end) {
      throw new Error(`waited ${guard / 1000} s in vain for ${what}`, { cause: trouble });
    }
    await sleep(every);
  }
}

const folders = new Set();
process.on('exit', () => {
  for (const folder of folders) fs.rmSync(folder, { recursive: true, force: true });
});

/// A new folder, removed when the test process ends or by `remove_folder`.
export function temp_folder(label = 'test') {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), `telecine-${label}-`));
  folders.add(folder);
  return folder;
}
export function remove_folder(folder) {
  fs.rmSync(folder, { recursive: true, force: true });
  folders.delete(folder);
}

/// Numbers that look random and can be had again: mulberry32.
export function random_from(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
