package document

// convert is filled in below.
func (l *loader) convert(root *Node) *Node {
	l.fail(root.At, "contract.document_version", "swagger 2.0 is not read yet", "")
	return nil
}
