/** A program that does nothing: what a runtime itself takes to start. */
export {}
