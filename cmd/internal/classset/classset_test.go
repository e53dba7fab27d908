package classset

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/openimages"
)

const classFile = `/m/food,Food
/m/sand,Sandwich
/m/burg,Hamburger
/m/subm,Submarine sandwich
/m/hot,Hot dog
/m/piz,Pizza
/m/veh,Vehicle
/m/car,Car
/m/rock,Rocket
/m/plus,C+=x
`

const treeFile = `{"LabelName":"/m/0bl9f","Subcategory":[
 {"LabelName":"/m/food","Subcategory":[
  {"LabelName":"/m/sand","Subcategory":[{"LabelName":"/m/burg"},{"LabelName":"/m/subm"}]},
  {"LabelName":"/m/hot"},{"LabelName":"/m/piz"}]},
 {"LabelName":"/m/veh","Subcategory":[{"LabelName":"/m/car"},{"LabelName":"/m/rock"}]}]}`

func load(t testing.TB, classes, tree string) (*openimages.Classes, *openimages.Hierarchy) {
	t.Helper()
	names, err := openimages.ParseClasses(strings.NewReader(classes), "classes")
	if err != nil {
		t.Fatal(err)
	}
	h, err := openimages.ParseHierarchy(strings.NewReader(tree), "tree")
	if err != nil {
		t.Fatal(err)
	}
	return names, h
}

func TestParse(t *testing.T) {
	names, h := load(t, classFile, treeFile)
	for _, tt := range []struct {
		labels, without string // separated by |
		below           bool
		args, out       string // canonical
		assigned        string
	}{
		{"Hamburger", "", false, "/m/burg", "", "burg:Hamburger"},
		{"sandwiches|hamburgers|/m/burg", "", false, "/m/burg,/m/sand", "", "burg:Hamburger sand:Sandwich"},
		{"Sandwich/", "", false, "/m/sand/", "", "burg:Sandwich sand:Sandwich subm:Sandwich"},
		{"Sandwich", "", true, "/m/sand/", "", "burg:Sandwich sand:Sandwich subm:Sandwich"},
		{"/m/sand/|hamburger", "", false, "/m/burg,/m/sand/", "", "burg:Hamburger sand:Sandwich subm:Sandwich"},
		{"Sandwich|Food/", "", false, "/m/food/,/m/sand", "", "burg:Food food:Food hot:Food piz:Food sand:Sandwich subm:Food"},
		{"Vehicle/", "rocket", false, "/m/veh/", "/m/rock/", "car:Vehicle veh:Vehicle"},
		{"Food/", "sandwiches/", false, "/m/food/", "/m/sand/", "food:Food hot:Food piz:Food"},
		{"Food/|Hamburger", "sandwich", false, "/m/food/,/m/burg", "/m/sand/", "burg:Hamburger food:Food hot:Food piz:Food"},
		{"Hot_Dog+pizzas", "", false, "/m/hot+/m/piz", "", "hot:Hot dog+Pizza piz:Hot dog+Pizza"},
		{"pizza+hotdog", "", false, "/m/hot+/m/piz", "", "hot:Hot dog+Pizza piz:Hot dog+Pizza"},
		{"fast=Hamburger+Pizza/", "", false, "fast=/m/burg+/m/piz/", "", "burg:fast piz:fast"},
		{"Hamburger, 'Hot dog' ,\"Pizza\"", "", false, "/m/burg,/m/hot,/m/piz", "", "burg:Hamburger hot:Hot dog piz:Pizza"},
		{"C+=x", "", false, "/m/plus", "", "plus:C+=x"},
		{"'Hot dog'", "Food,Car", false, "/m/hot", "/m/car/,/m/food/", "hot:Hot dog"},
		{"Hamburger|Hamburger/", "", false, "/m/burg/", "", "burg:Hamburger"},
	} {
		split := func(s string) []string {
			if s == "" {
				return nil
			}
			return strings.Split(s, "|")
		}
		list := split(tt.labels)
		for range 3 {
			s, err := Parse(names, list, split(tt.without), tt.below)
			if err != nil {
				t.Errorf("%s: %v", tt.labels, err)
				break
			}
			args, out := s.Args()
			if args != tt.args || out != tt.out {
				t.Errorf("%v: got %s without %s, want %s without %s", list, args, out, tt.args, tt.out)
			}
			if got := spell(s, h); got != tt.assigned {
				t.Errorf("%v: got %s, want %s", list, got, tt.assigned)
			}
			rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		}
	}
}

// spell writes down who gets what.
func spell(s *Set, h *openimages.Hierarchy) string {
	var list []string
	for mid, i := range s.Assign(h) {
		list = append(list, strings.TrimPrefix(mid, "/m/")+":"+s.Labels[i].Name)
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

func TestParseErrors(t *testing.T) {
	names, _ := load(t, classFile, treeFile)
	for _, tt := range []struct {
		labels, without []string
		want            string
	}{
		{[]string{"Hamburgr", "Sandwhich/"}, nil, "no class \"Hamburgr\"\nno class \"Sandwhich\""},
		{[]string{"fast=Hamburger+Piza"}, nil, `no class "Piza"`},
		{[]string{"fast="}, nil, `no class ""`},
		{[]string{"Hamburger,Piza"}, nil, `no class "Piza"`},
		{[]string{"Vehicle*"}, nil, `no class "Vehicle*"`},
		{[]string{"Vehicle"}, []string{"Rockt"}, `no class "Rockt"`},
		{[]string{"Vehicle", "Rocket"}, []string{"Rocket"}, "Rocket is asked for and left out"},
		{[]string{"Hamburger", "fast=Hamburger+Pizza"}, nil, "Hamburger is asked for under Hamburger and under fast"},
		{[]string{"Car", "Car=Pizza"}, nil, "label Car is a class and a name of something else"},
		{[]string{""}, nil, `no class ""`},
		{[]string{"Vehicle/", "-Rocket"}, nil, `no class "-Rocket"`},
		{[]string{"Vehicle/+-Rocket"}, nil, `no class "-Rocket"`},
	} {
		_, err := Parse(names, tt.labels, tt.without, false)
		if err == nil || err.Error() != tt.want {
			t.Errorf("%q without %q: got %v, want %s", tt.labels, tt.without, err, tt.want)
		}
	}
	_, err := Parse(names, []string{"Hamburgr"}, nil, false)
	var unknown *openimages.UnknownClassError
	if !errors.As(err, &unknown) || unknown.Query != "Hamburgr" {
		t.Errorf("got %v", err)
	}
}

func TestKinAndIdle(t *testing.T) {
	names, h := load(t, classFile, treeFile)
	s, err := Parse(names, []string{"Food/", "Hamburger", "Sandwich", "fast=Pizza+Hot dog"}, []string{"Submarine sandwich", "Rocket"}, false)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, k := range s.Kin(h) {
		got = append(got, fmt.Sprintf("%s<%s to %s %v", k.Descendant.Name, k.Ancestor.Name, k.To, k.Below))
	}
	want := "Hamburger<Food to Hamburger true, Hamburger<Sandwich to Hamburger false, Hot dog<Food to fast true, Pizza<Food to fast true, Sandwich<Food to Sandwich true"
	if strings.Join(got, ", ") != want {
		t.Errorf("kin: got %v, want %s", got, want)
	}
	if idle := s.Idle(h); len(idle) != 1 || idle[0].Class.Name != "Rocket" {
		t.Errorf("idle: got %v", idle)
	}
	if r := s.Related(h); r["/m/veh"] || !r["/m/subm"] || !r["/m/0bl9f"] || !r["/m/food"] {
		t.Errorf("related: %v", r)
	}
}

func TestPhotoLabels(t *testing.T) {
	names, h := load(t, classFile, treeFile)
	s, err := Parse(names, []string{"Food/", "Hamburger", "Car"}, []string{"Sandwich", "Rocket"}, false)
	if err != nil {
		t.Fatal(err)
	}
	var got []string // labels are Car, Food, Hamburger
	for _, veto := range s.Vetoes(h) {
		got = append(got, strings.Join(slices.Sorted(maps.Keys(veto)), " "))
	}
	if want := []string{"/m/rock /m/sand /m/subm", "/m/rock /m/sand /m/subm", "/m/rock"}; !slices.Equal(got, want) {
		t.Errorf("vetoes %q, want %q", got, want)
	}
	wins := s.MoreSpecific(h)
	for i := range 3 {
		for j := range 3 {
			if want := i == 2 && j == 1; wins(i, j) != want {
				t.Errorf("%d wins over %d: %v", i, j, !want)
			}
		}
	}
	if got := fmt.Sprint(s.Denials(h)); got != "[[/m/0bl9f /m/veh /m/car] [/m/0bl9f /m/food] [/m/0bl9f /m/food /m/sand /m/burg]]" {
		t.Errorf("denials %s", got)
	}
}

// TestAssignAgainstNaive compares with a slow climb on random graphs with
// several parents.
func TestAssignAgainstNaive(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 1))
		n := 3 + rng.IntN(14)
		parents := make([][]int, n)
		var classes strings.Builder
		mid := func(i int) string { return fmt.Sprintf("/m/%d", i) }
		for i := range n {
			fmt.Fprintf(&classes, "%s,Class %c\n", mid(i), 'A'+i)
			for range 1 + rng.IntN(2) {
				if i > 0 {
					if p := rng.IntN(i); !slices.Contains(parents[i], p) {
						parents[i] = append(parents[i], p)
					}
				}
			}
		}
		names, h := load(t, classes.String(), spread(0, parents))
		var labels, without []string
		for i := range n {
			name := fmt.Sprintf("Class %c", 'A'+i)
			switch rng.IntN(6) {
			case 0:
				labels = append(labels, name)
			case 1:
				labels = append(labels, name+"/")
			case 2:
				without = append(without, name)
			}
		}
		s, err := Parse(names, labels, without, false)
		if err != nil {
			t.Fatal(err)
		}
		got := s.Assign(h)
		for i := range n {
			label, ok := got[mid(i)]
			if want := naiveLabel(s, parents, i); !ok && want != nobody || ok && want != label {
				t.Errorf("seed %d: %s of %v without %v: got %d %v, want %d", seed, mid(i), labels, without, label, ok, want)
			}
		}
	}
}

// spread writes a graph as the file does: as a tree, again below each parent.
func spread(i int, parents [][]int) string {
	var children []string
	for j := range parents {
		if slices.Contains(parents[j], i) {
			children = append(children, spread(j, parents))
		}
	}
	if children == nil {
		return fmt.Sprintf(`{"LabelName":"/m/%d"}`, i)
	}
	return fmt.Sprintf(`{"LabelName":"/m/%d","Subcategory":[%s]}`, i, strings.Join(children, ","))
}

// naiveLabel is who gets class i.
func naiveLabel(s *Set, parents [][]int, i int) int {
	distance := map[int]int{} // of i and its ancestors
	climb(parents, i, 0, distance)
	type candidate struct{ class, steps, label, order int }
	var candidates []candidate
	for order, o := range s.owners() {
		var class int
		if _, err := fmt.Sscanf(o.Class.MID, "/m/%d", &class); err != nil {
			panic(err)
		}
		steps, above := distance[class]
		if steps == 0 && above {
			return o.label
		}
		if above && o.Below {
			candidates = append(candidates, candidate{class, steps, o.label, order})
		}
	}
	best := candidate{label: nobody, steps: 1 << 30}
	for _, c := range candidates {
		if slices.ContainsFunc(candidates, func(d candidate) bool {
			up := map[int]int{}
			climb(parents, d.class, 0, up)
			_, above := up[c.class]
			return above && d.class != c.class
		}) {
			continue
		}
		if c.steps < best.steps || c.steps == best.steps && c.order < best.order {
			best = c
		}
	}
	return best.label
}

func climb(parents [][]int, i, steps int, distance map[int]int) {
	if d, ok := distance[i]; ok && d <= steps {
		return
	}
	distance[i] = steps
	for _, p := range parents[i] {
		climb(parents, p, steps+1, distance)
	}
}

func TestReadList(t *testing.T) {
	for _, tt := range []struct {
		text string
		want []string
	}{
		{"/m/0l515\tSandwich\n/m/0cdn1\tHamburger\t17\n", []string{"/m/0l515", "/m/0cdn1"}},
		{"sandwich\r\n\n\"Hamburger\"\n", []string{"sandwich", "Hamburger"}},
		{"/m/0l515\tSandwich\r/m/0cdn1\tHamburger\r", []string{"/m/0l515", "/m/0cdn1"}},
		{"'hamburgers'\n/m/0l515", []string{"hamburgers", "/m/0l515"}},
		{`"Hot dog" 'Pizza', Cake` + "\n", []string{"Hot dog", "Pizza", "Cake"}},
		{`Hot\ dog` + "\n# nothing\n  Car  \n", []string{"Hot dog", "Car"}},
		{`{"mid":"/m/0l515","name":"Sandwich"}`, []string{"/m/0l515"}},
		{"", nil},
	} {
		got, err := ReadList(strings.NewReader(tt.text))
		if err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%q: got %q, %v", tt.text, got, err)
		}
	}
	for _, text := range []string{"Car\n\"Hot dog\n", "{\"name\":\"Car\"}\n", "{\n", strings.Repeat("x", 1<<17)} {
		if got, err := ReadList(strings.NewReader(text)); err == nil {
			t.Errorf("%.20q: got %q", text, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"Hamburger", "Vehicle/", "a=b+c", "/m/burg/", "\"Hot dog\",Pizza", "+", "=", "/", "x=/"} {
		f.Add(seed)
	}
	names, h := load(f, classFile, treeFile)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Parse(names, []string{text}, nil, false)
		if err != nil {
			return
		}
		labels, _ := s.Args()
		if len(s.Labels) == 0 || len(s.Assign(h)) == 0 || labels == "" {
			t.Errorf("%q asks for nothing", text)
		}
	})
}

// TestManyLabels asks for every class of a large list, each a label of its own
// and half of them a kind of the one before: what took a step for each pair of
// labels would not end.
func TestManyLabels(t *testing.T) {
	const n = 20_000
	var classes, children, labels []string
	for i := range n {
		classes = append(classes, fmt.Sprintf("/m/%05d,Class %05d", i, i))
		labels = append(labels, fmt.Sprintf("/m/%05d", i))
	}
	for i := 0; i < n; i += 2 {
		children = append(children, fmt.Sprintf(`{"LabelName":"/m/%05d","Subcategory":[{"LabelName":"/m/%05d"}]}`, i, i+1))
	}
	names, h := load(t, strings.Join(classes, "\n"), `{"LabelName":"/m/0bl9f","Subcategory":[`+strings.Join(children, ",")+`]}`)
	s, err := Parse(names, labels, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	if kin := s.Kin(h); len(kin) != n/2 || kin[7].Descendant.Name != "Class 00015" {
		t.Errorf("%d kinships, %v", len(kin), kin[7])
	}
	wins := s.MoreSpecific(h)
	if !wins(1, 0) || wins(0, 1) || wins(2, 1) || wins(1, 1) {
		t.Error("a kind is more specific than what it is a kind of, and nothing else is")
	}
	if len(s.Assign(h)) != n || len(s.Vetoes(h)) != n || len(s.Denials(h)) != n || len(s.Kinds(h)) != n {
		t.Error("a label is missing")
	}
	_, err = Parse(names, append(labels, labels...), labels, false)
	var conflict *ConflictError
	if !errors.As(err, &conflict) {
		t.Errorf("got %v", err)
	}
}

// TestPairs compares what is found by the classes above each with what is found
// by asking of each pair.
func TestPairs(t *testing.T) {
	names, h := load(t, classFile, treeFile)
	all := names.All()
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 0))
		rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		var labels, without []string
		for i := 0; i < len(all)-2; {
			n := 1 + rng.IntN(2)
			var terms []string
			for _, class := range all[i : i+n] {
				terms = append(terms, class.MID+[]string{"", "/"}[rng.IntN(2)])
			}
			labels = append(labels, strings.Join(terms, "+"))
			i += n
		}
		for _, class := range all[len(all)-1:] {
			without = append(without, class.MID)
		}
		s, err := Parse(names, labels, without, false)
		if err != nil {
			t.Fatal(err)
		}
		wins := s.MoreSpecific(h)
		kin := map[string]int{}
		for _, k := range s.Kin(h) {
			kin[k.Descendant.MID+k.Ancestor.MID]++
		}
		below := func(l Label, mid string) bool {
			return slices.ContainsFunc(l.Terms, func(t Term) bool { return slices.Contains(h.Ancestors(t.Class.MID), mid) })
		}
		for i, a := range s.Labels {
			for j, b := range s.Labels {
				want := i != j && slices.ContainsFunc(b.Terms, func(t Term) bool { return below(a, t.Class.MID) })
				if wins(i, j) != want {
					t.Errorf("%v: %v wins over %v: %t", labels, a, b, !want)
				}
				for _, u := range a.Terms {
					for _, v := range b.Terms {
						pair := u.Class.MID + v.Class.MID
						if want := i != j && slices.Contains(h.Ancestors(u.Class.MID), v.Class.MID); want != (kin[pair] == 1) {
							t.Errorf("%v: kinship %v %v: %d", labels, u, v, kin[pair])
						}
					}
				}
			}
			assigned := s.Assign(h)
			veto := map[string]bool{}
			for _, w := range s.Without {
				for _, mid := range append(h.Descendants(w.Class.MID), w.Class.MID) {
					if _, asked := assigned[mid]; !asked && !below(a, w.Class.MID) {
						veto[mid] = true
					}
				}
			}
			if got := s.Vetoes(h)[i]; !maps.Equal(got, veto) {
				t.Errorf("%v without %v: %v is vetoed by %v, want %v", labels, without, a, got, veto)
			}
		}
	}
}
