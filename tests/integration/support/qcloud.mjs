// The vendor's own Node client (npm package qcloudapi-sdk), unmodified, pointed at a server of ours
// by its documented options `host` and `protocol`.
import { createRequire } from 'node:module';
import { until } from './suite.mjs';

let Client = null;
try {
  Client = createRequire(import.meta.url)('qcloudapi-sdk');
} catch (error) {
  if (error.code !== 'MODULE_NOT_FOUND') throw error;
}
/// Why checks with the vendor's client cannot run, or null.
export const lacks_sdk = Client
  ? null
  : 'qcloudapi-sdk is not installed; run npm ci in tests/integration';

// The client's HTTP library would send calls to loopback through a proxy.
for (const name of Object.keys(process.env)) {
  if (/^(https?|all)_proxy$/i.test(name)) delete process.env[name];
}

export class Qcloud {
  /// `options` are the client's own: `method`, `signatureMethod` and so on.
  constructor(url, SecretId, SecretKey, options = {}) {
    this.client = new Client({
      host: new URL(url).host, protocol: 'http', SecretId, SecretKey, ...options,
    });
  }

  /// The answer's document, whatever it says.
  ask(Action, parameters = {}) {
    return new Promise((resolve, reject) => {
      this.client.request({ Action, ...parameters }, (error, document) => {
        if (error) reject(error);
        else resolve(document);
      });
    });
  }

  info(vodTaskId) {
    return this.ask('GetTaskInfo', { vodTaskId });
  }

  /// Polls to the end, and answers every document that differed from the one before.
  async watch(vodTaskId, { guard = 180_000 } = {}) {
    const seen = [];
    await until(`the end of ${vodTaskId}`, async () => {
      const document = await this.info(vodTaskId);
      const last = seen.at(-1);
      if (JSON.stringify(last) !== JSON.stringify(document)) seen.push(document);
      return document.code !== 0 || document.status === 'FINISH';
    }, { guard, every: 20 });
    return seen;
  }
}
