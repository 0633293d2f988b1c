package screen

// Opaque says, by the rules' ids, why rules cannot be evaluated here: requests that
// reach them go to the reference.
func (x *Index) Opaque() map[int]string {
	out := map[int]string{}
	for i := range x.rules {
		r := &x.rules[i]
		for j := range r.links {
			if why := r.links[j].opaque; why != "" && out[r.ID] == "" {
				out[r.ID] = why
			}
		}
	}
	return out
}
