/** Hosts that only this machine reaches. */
export const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1)$/;
