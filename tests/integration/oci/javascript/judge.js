// Asks a cloud by Oracle's client for JavaScript. Standard input: {"key", "key_id", "endpoint",
// "client", "verb", "request"}; standard output: {"value": ...} or {"status", "code"}.
"use strict";

const {createRequire} = require("module");

const clients = {
  secrets: ["oci-secrets", "SecretsClient"],
  vaults: ["oci-vault", "VaultsClient"],
  logging: ["oci-loggingingestion", "LoggingClient"],
  topics: ["oci-ons", "NotificationDataPlaneClient"],
  metrics: ["oci-monitoring", "MonitoringClient"],
};

// Times have a type of their own in the client.
function revive(name, value) {
  return typeof value === "string" && /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value) ? new Date(value)
                                                                              : value;
}

async function main() {
  const packages = createRequire(process.argv[2] + "/");
  const common = packages("oci-common");
  let text = "";
  for await (const chunk of process.stdin) text += chunk;
  const order = JSON.parse(text, revive);
  const [tenancy, user, fingerprint] = order.key_id.split("/");
  const provider = new common.SimpleAuthenticationDetailsProvider(
      tenancy, user, fingerprint, order.key, null, common.Region.EU_FRANKFURT_1);
  const [module, name] = clients[order.client];
  const client = new (packages(module)[name])(
      {authenticationDetailsProvider: provider},
      {retryConfiguration: common.NoRetryConfigurationDetails,
       circuitBreaker: new common.CircuitBreaker({enabled: false})});
  client.endpoint = order.endpoint;
  let answer;
  try {
    answer = {value: await client[order.verb](order.request)};
  } catch (error) {
    if (!error.statusCode) throw error;
    answer = {status: error.statusCode, code: error.serviceCode};
  }
  process.stdout.write(JSON.stringify(answer), () => process.exit(0));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
