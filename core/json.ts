/** JSON values and the few scalar names that every stored shape uses. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

/** `sha256:` and 64 hex digits, over canonical JSON (RFC 8785). */
export type Digest = `sha256:${string}`;

/** UTC, ISO 8601 with milliseconds and `Z`. */
export type Iso = string;

/** A person or service, whatever identity was used to speak; the key under `principals:` in `people.yaml`. */
export type PrincipalId = string;
