package sample

// class is a kind of food that gets boxes; its number is the index in classes.
type class int32

const (
	clutter class = iota - 1 // everything that gets none
	classHamburger
	classSandwich
	classHotDog
	classPizza
	classDoughnut
	classMuffin
	classCake
	classSalad
	classFries
)

// classes are named and numbered as in Open Images.
var classes = [...]struct {
	mid, name string
	radius    float64 // about how much room one takes, in hamburger radii
	draw      []func(*builder, *random)
}{
	classHamburger: {"/m/0cdn1", "Hamburger", 1.1, []func(*builder, *random){hamburger}},
	classSandwich: {"/m/0l515", "Sandwich", 1.2, []func(*builder, *random){
		sandwichWhole, sandwichWhole, sandwichHalves, sandwichHalves, sandwichLong, sandwichRoll, sandwichOpen}},
	classHotDog:   {"/m/01b9xk", "Hot dog", 1.4, []func(*builder, *random){hotDog}},
	classPizza:    {"/m/0663v", "Pizza", 1.7, []func(*builder, *random){pizza}},
	classDoughnut: {"/m/0jy4k", "Doughnut", 0.9, []func(*builder, *random){doughnut}},
	classMuffin:   {"/m/01tcjp", "Muffin", 0.75, []func(*builder, *random){muffin}},
	classCake:     {"/m/0fszt", "Cake", 1.1, []func(*builder, *random){cake}},
	classSalad:    {"/m/0grw1", "Salad", 1.35, []func(*builder, *random){salad}},
	classFries:    {"/m/02y6n", "French fries", 0.8, []func(*builder, *random){fries}},
}

// others are the classes besides the two that the sample is about.
var others = []class{classHotDog, classPizza, classDoughnut, classMuffin, classCake, classSalad, classFries, classFries}
