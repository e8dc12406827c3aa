import { suite } from "../hold.ts"

export default suite(100, 1_000_000, 200_000)
