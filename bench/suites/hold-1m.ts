import { suite } from "../hold.ts"

export default suite(1_000_000, 1_000_000, 200_000)
