// Secrets for tests, and what is really in them: asked by a client of their own, past the units.
import { CreateSecretCommand, GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { Credentials } from './iam.js';

export interface TestSecrets {
  secrets: SecretsManagerClient;
  /** Puts a key into a new secret, beside whatever else; gives its name. */
  keep: (key: Credentials, beside?: Record<string, string>) => Promise<string>;
  /** What is in that stage; undefined when nothing is. */
  keyIn: (
    secret: string,
    stage?: 'AWSCURRENT' | 'AWSPENDING' | 'AWSPREVIOUS',
  ) => Promise<(Credentials & Record<string, string>) | undefined>;
}

let made = 0;

/** Administers Secrets Manager of the emulator at that address. */
export function secretsAt({ url }: { url: string }, region: string): TestSecrets {
  const credentials = { accessKeyId: 'AKIAADMIN', secretAccessKey: 'admin' };
  const secrets = new SecretsManagerClient({ region, endpoint: url, credentials });
  return {
    secrets,
    keep: async ({ accessKeyId, secretAccessKey }, beside = {}) => {
      made += 1;
      const Name = `prod/key-${made}`;
      const SecretString = JSON.stringify({ ...beside, accessKeyId, secretAccessKey });
      await secrets.send(new CreateSecretCommand({ Name, SecretString }));
      return Name;
    },
    keyIn: async (SecretId, VersionStage = 'AWSCURRENT') => {
      try {
        const { SecretString = '{}' } = await secrets.send(new GetSecretValueCommand({ SecretId, VersionStage }));
        return JSON.parse(SecretString) as Credentials & Record<string, string>;
      } catch (error) {
        if ((error as Error).name === 'ResourceNotFoundException') return undefined;
        throw error;
      }
    },
  };
}
