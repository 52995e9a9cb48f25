export * from "./api.gen.js";
export { Refusal, Status, Unknown } from "./http.js";
export type { Options } from "./http.js";
export { follow, Refused } from "./live.js";
export type { Follow, Frame, LiveOptions, Position } from "./live.js";
