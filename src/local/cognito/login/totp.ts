import { Secret, TOTP } from 'otpauth'

/** As authenticator apps have it without being told: RFC 6238 with SHA-1, six digits, a new code each half minute. */
const FORM = { algorithm: 'SHA1', digits: 6, period: 30 }
/** 160 bits, as RFC 4226 recommends. */
const SECRET_BYTES = 20

/** A secret for an authenticator app, in base32 as Cognito hands it out. */
export const createTotpSecret = () => new Secret({ size: SECRET_BYTES }).base32

/** The code that an app with this secret shows at a time in milliseconds. */
export function totpCode(secret: string, timestamp: number): string {
  return TOTP.generate({ ...FORM, secret: Secret.fromBase32(secret), timestamp })
}

/** Is it the code of this moment, or of the one before or after? */
export function isTotpCode(secret: string, token: string, timestamp: number): boolean {
  return TOTP.validate({ ...FORM, secret: Secret.fromBase32(secret), token, timestamp, window: 1 }) !== null
}
