export { FedmoteError } from "./core/error.ts"
