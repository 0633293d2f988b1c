package lab_test

import (
	"context"
	"fmt"
	"time"

	"github.com/gatehouse/gatehouse/internal/lab"
)

// Attacking the shop with nobody in front of it.
func ExampleRun() {
	shop, err := lab.Open(lab.Options{Seed: 1, Flaws: lab.AllFlaws()})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer shop.Close()
	var some []lab.Attack
	for _, a := range lab.Attacks() {
		if a.Name == "bola-profile" || a.Name == "jwt-alg-none-lower" {
			some = append(some, a)
		}
	}
	report, err := lab.Run(context.Background(), lab.Target{Shop: shop}, lab.RunOptions{Duration: 300 * time.Millisecond, Attacks: some})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, c := range report.Cases {
		fmt.Println(c.Class, c.Name, "missed:", c.Missed == c.Attempts)
	}
	fmt.Println("refused:", report.Good.Refused, "failed:", report.Failed())
	// Output:
	// API1 bola-profile missed: true
	// API2 jwt-alg-none-lower missed: true
	// refused: 0 failed: true
}
