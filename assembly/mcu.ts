/** The minimal profile for microcontrollers: dense layers, softmax, SGD, int8 encoding; scalar, pure MVP, at most 2 KB. */

export { base } from "./control"
