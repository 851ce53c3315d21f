// The vendor's own npm clients behind one small form: `ask` answers {status, fields} or
// {status, code, message}, as far as the client tells.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const version = '2019-08-10';

function load(name) {
  try {
    return require(name);
  } catch (error) {
    if (error.code !== 'MODULE_NOT_FOUND') throw error;
    return null;
  }
}
const pop = load('@alicloud/pop-core');
const openapi = load('@alicloud/openapi-client');
const util = load('@alicloud/tea-util');

/// Why these clients cannot run, or null.
export const lacks_sdks = pop && openapi && util ? null :
  "the vendor's clients are not installed (npm ci in tests/integration)";

/// `@alicloud/pop-core`: signature 1.0 and JSON; `method` says where the parameters stand.
export class PopClient {
  constructor(url, id, secret, method) {
    this.name = `pop-core, ${method}`;
    this.method = method;
    this.client = new pop.RPCClient({ endpoint: url, apiVersion: version, accessKeyId: id,
                                      accessKeySecret: secret }, true);
  }

  /// `common` replaces what the client would send as {timestamp, nonce}.
  async ask(action, own = {}, common = {}) {
    const parameters = { ...own };
    if (common.timestamp) parameters.Timestamp = common.timestamp;
    if (common.nonce) parameters.SignatureNonce = common.nonce;
    try {
      const [fields, { response }] = await this.client.request(action, parameters,
                                                               { method: this.method });
      return { status: response.statusCode, fields };
    } catch (error) {
      if (!error.entry) throw error;
      return { status: error.entry.response.statusCode, code: error.code,
               message: error.data.Message };
    }
  }
}

/// `@alicloud/openapi-client` by `callApi`: ACS3, or the old signature (`old`). `place` says where
/// the action's own parameters stand: query, formData or json.
export class OpenApiClient {
  constructor(url, id, secret, { old = false, place = 'formData', auth = 'AK' } = {}) {
    this.name = `openapi-client, ${old ? 'v2' : 'ACS3'}, ${place}`;
    this.place = place;
    this.auth = auth;
    this.old = old;
    const config = { accessKeyId: id, accessKeySecret: secret, endpoint: new URL(url).host,
                     protocol: 'HTTP' };
    if (old) config.signatureAlgorithm = 'v2';
    this.client = new openapi.default(new openapi.Config(config));
  }

  async ask(action, own = {}, common = {}) {
    const query = this.place === 'query' ? { ...own } : {};
    const headers = {};
    if (common.timestamp) (this.old ? query : headers)[this.old ? 'Timestamp' : 'x-acs-date'] =
      common.timestamp;
    if (common.nonce) {
      (this.old ? query : headers)[this.old ? 'SignatureNonce' : 'x-acs-signature-nonce'] =
        common.nonce;
    }
    if (common.format) query.Format = common.format;
    const request = new openapi.OpenApiRequest({
      query, headers, ...(this.place === 'query' ? {} : { body: own }) });
    const params = new openapi.Params({
      action, version, protocol: 'HTTP', method: 'POST', authType: this.auth, style: 'RPC',
      pathname: '/', reqBodyType: this.place === 'json' ? 'json' : 'formData', bodyType: 'json' });
    try {
      const { statusCode, body } = await this.client.callApi(params, request,
                                                             new util.RuntimeOptions({}));
      return { status: statusCode, fields: body };
    } catch (error) {
      if (!error.data?.statusCode) throw error;
      return { status: error.data.statusCode, code: error.code, message: error.data.Message };
    }
  }
}

/// Every way these clients have of saying the same.
export const all_clients = (url, id, secret) => [
  new PopClient(url, id, secret, 'GET'),
  new PopClient(url, id, secret, 'POST'),
  new OpenApiClient(url, id, secret, { place: 'formData' }),
  new OpenApiClient(url, id, secret, { place: 'query' }),
  new OpenApiClient(url, id, secret, { place: 'json' }),
  new OpenApiClient(url, id, secret, { old: true }),
];
