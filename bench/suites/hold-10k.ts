import { suite } from "../hold.ts"

export default suite(10_000, 1_000_000, 200_000)
