declare module 'amazon-cognito-identity-js/lib/BigInteger.js' {
  export interface BigInteger {
    toString(radix: 16): string
    modPow(
      exponent: BigInteger,
      modulus: BigInteger,
      done?: (error: null, result: BigInteger) => void,
    ): BigInteger | undefined
  }
  interface BigIntegerConstructor {
    new (text: string, radix: 16): BigInteger
    readonly prototype: BigInteger
  }

  /** Of the client's own numbers, only what we use. */
  const module: { readonly default: BigIntegerConstructor }
  export default module
}
