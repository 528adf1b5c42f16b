/**
 * AWS as a unit meets it: one region with one set of credentials, and on whose behalf the unit works. IAM is the same in every
 * region of an account.
 */
import { EC2Client } from '@aws-sdk/client-ec2';
import { IAMClient } from '@aws-sdk/client-iam';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { STSClient } from '@aws-sdk/client-sts';
import type { AwsSystem, SecretRef } from '../../core/installation.js';

export interface AwsWorld {
  /** The system of the inventory that this is; part of every target. */
  system: string;
  region: string;
  account?: string;
  ec2: EC2Client;
  /** The same, but never asks twice by itself: for creating calls that AWS does not recognise when they are repeated. */
  ec2Once: EC2Client;
  iam: IAMClient;
  /** As `ec2Once`. */
  iamOnce: IAMClient;
  secrets: SecretsManagerClient;
  sts: STSClient;
  /** What effects are shown on; printed with each proof. */
  shownOn: AwsSystem['shownOn'];
  incident: string;
  run: string;
  step: string;
  signal?: AbortSignal;
}

/** The first attempt included; AWS throttles for seconds, not for minutes. */
const attemptsMax = 4;
/** To make a connection: a region that does not answer within this is not reachable. */
const connectTimeoutMs = 3_000;
/** For one attempt of one call; EC2's slowest calls here answer within a few seconds. */
const requestTimeoutMs = 15_000;
/** Credentials from files or variables are read again after this, so that a rotated key is taken up. */
const credentialsKeptMs = 5 * 60_000;
/** The SDK asks for new credentials so long before the old ones expire. */
const renewedBeforeMs = 5 * 60_000;

type Clients = Pick<AwsWorld, 'ec2' | 'ec2Once' | 'iam' | 'iamOnce' | 'secrets' | 'sts'>;
const clients = new Map<string, Clients>();

/** Opens a world for one step of a run. Clients are kept and shared by worlds with the same settings. */
export function openAwsWorld(options: {
  system: string;
  settings: AwsSystem;
  readSecret: (ref: SecretRef) => string;
  run: string;
  incident: string;
  step: string;
  signal?: AbortSignal;
}): AwsWorld {
  const { system, settings, readSecret, run, incident, step, signal } = options;
  const key = JSON.stringify([system, settings]);
  const kept = clients.get(key) ?? makeClients(settings, readSecret);
  clients.set(key, kept);
  const { region, shownOn } = settings;
  return { system, region, shownOn, run, incident, step, ...kept, ...(signal === undefined ? {} : { signal }) };
}

function makeClients({ region, endpoint, credentials }: AwsSystem, readSecret: (ref: SecretRef) => string): Clients {
  const config = {
    region,
    requestHandler: {
      connectionTimeout: connectTimeoutMs,
      requestTimeout: requestTimeoutMs,
      throwOnRequestTimeout: true,
    },
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(credentials === undefined
      ? {}
      : {
          credentials: async () => ({
            accessKeyId: readSecret(credentials.accessKeyId),
            secretAccessKey: readSecret(credentials.secretAccessKey),
            expiration: new Date(Date.now() + credentialsKeptMs + renewedBeforeMs),
          }),
        }),
  };
  const patient = { ...config, maxAttempts: attemptsMax, retryMode: 'standard' };
  return {
    ec2: new EC2Client(patient),
    ec2Once: new EC2Client({ ...config, maxAttempts: 1 }),
    iam: new IAMClient(patient),
    iamOnce: new IAMClient({ ...config, maxAttempts: 1 }),
    secrets: new SecretsManagerClient(patient),
    sts: new STSClient(patient),
  };
}
