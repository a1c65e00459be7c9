package delivery

// withdrawn: it was not taken back from its recipient. It stands before all others, because nobody is to be told any more what
// else would have been in the way.
func withdrawn(c *sendCase) verdict {
	if c.withdrawn != "" {
		return suppress(c.withdrawn)
	}
	return pass()
}
