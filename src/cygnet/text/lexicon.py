"""The words of the story generator: plain data, grouped by what the things can do.

A *pool* is a tuple of entries. An entry is a word or phrase, or a small record whose first
field is its name. Each pool holds one category (what can be worn, what can be eaten, what the
wind can blow away...), so that any entry of a pool fits any sentence that names the pool.
A phrase may name other pools in braces, as the sentences of ``plots.py`` do.

``KID`` and ``ANIMAL`` at the end are the two worlds in which a story can happen: they say
which pool each name stands for.
"""

from typing import NamedTuple


def _list(text: str) -> tuple[str, ...]:
    """Split a comma-separated list into a pool."""
    return tuple(" ".join(item.split()) for item in text.split(","))


# -- Records ---------------------------------------------------------------------------------


class Kind(NamedTuple):
    """What a character is, and where such a one lives."""

    name: str
    home: tuple[str, ...]


class Who(NamedTuple):
    """A character: its name, its pronouns and the kinds it may be."""

    name: str
    he: str
    him: str
    his: str
    himself: str
    kind: tuple[Kind, ...]


class Place(NamedTuple):
    """Somewhere to go, how to say that one is there, and where things hide in it."""

    name: str
    at: str
    spot: tuple[str, ...]


class Scare(NamedTuple):
    """A dark place, the noise in it, what made the noise, and a thing that stands there."""

    name: str
    noise: str
    truth: str
    thing: str


class Skill(NamedTuple):
    """Something to learn: to do it, one did it, how it fails, and the advice that helps."""

    name: str
    did: str
    fails: str
    tip: str


class Stranger(NamedTuple):
    """A grown-up with a load that falls and a tool that reaches high."""

    name: str
    load: str
    tool: str


class Dish(NamedTuple):
    """Something to cook, and what goes into it."""

    name: str
    part: tuple[str, ...]


class Slip(NamedTuple):
    """How the cooking went wrong, the lesson said aloud, and the care taken next time."""

    name: str
    lesson: str
    care: str


class Mishap(NamedTuple):
    """What happened to a young plant, and what was done about it."""

    name: str
    mend: str


class Build(NamedTuple):
    """Something to build: from what, what broke it, what mends it, and the joy of it."""

    name: str
    stuff: tuple[str, ...]
    broke: str
    mend: str
    joy: str


class Gift(NamedTuple):
    """A present made by hand: how it was made and of what."""

    name: str
    made: str
    stuff: tuple[str, ...]


class Rule(NamedTuple):
    """A rule, how it was broken, what came of it, and how things were put right."""

    name: str
    deed: str
    result: str
    help: str


class Baby(NamedTuple):
    """A lost young animal: its call, its mother, and where she was."""

    name: str
    call: str
    mother: str
    where: str


# -- Characters ------------------------------------------------------------------------------

SHE = ("she", "her", "her", "herself")
HE = ("he", "him", "his", "himself")

_HOUSES = _list("house, cottage, farmhouse, cabin, brick house, wooden house, stone house")
GIRL = Kind("girl", _HOUSES)
BOY = Kind("boy", _HOUSES)

BEASTS = (
    Kind("fox", ("den",)),
    Kind("rabbit", ("burrow",)),
    Kind("bear", ("cave",)),
    Kind("mouse", ("hole",)),
    Kind("squirrel", ("hollow tree",)),
    Kind("hedgehog", ("nest",)),
    Kind("badger", ("den",)),
    Kind("otter", ("den",)),
    Kind("raccoon", ("hollow tree",)),
    Kind("mole", ("burrow",)),
    Kind("beaver", ("lodge",)),
    Kind("chipmunk", ("burrow",)),
    Kind("skunk", ("den",)),
    Kind("wolf", ("den",)),
    Kind("kitten", ("barn",)),
    Kind("puppy", ("kennel",)),
    Kind("bunny", ("burrow",)),
    Kind("hamster", ("hole",)),
    Kind("weasel", ("den",)),
    Kind("panda", ("cave",)),
    Kind("koala", ("hollow tree",)),
    Kind("monkey", ("tree house",)),
    Kind("lion", ("cave",)),
    Kind("tiger", ("cave",)),
)

# No name ends in "s", so that "'s" is always right, and none is a word of another pool. They are
# few, so that each is frequent: a small model learns to repeat a name that it knows well.
GIRLS = tuple(
    Who(name, *SHE, (GIRL,))
    for name in _list(
        """Mia, Lila, Anna, Zoe, Emma, Lucy, Nora, Maya, Clara, Sophie, Amina, Leila, Grace, Mei,
        Priya, Rosa"""
    )
)
BOYS = tuple(
    Who(name, *HE, (BOY,))
    for name in _list(
        """Tom, Ben, Max, Sam, Leo, Jack, Finn, Noah, Oscar, Theo, Omar, Ravi, Kofi, Mateo, Henry,
        Kai"""
    )
)
BEASTS_NAMED = tuple(
    Who(name, *pronouns, BEASTS)
    for pronouns, names in (
        (SHE, "Tilly, Minnie, Pippa, Bonnie, Dotty, Coco, Rosie, Hattie"),
        (HE, "Rufo, Pip, Buster, Chip, Jasper, Monty, Barney, Dusty"),
    )
    for name in _list(names)
)

FAMILY = tuple(
    Who(name, *pronouns, ())
    for pronouns, names in (
        (SHE, "mom, grandma, aunt, big sister, mother"),
        (HE, "dad, grandpa, uncle, big brother, father"),
    )
    for name in _list(names)
)
BEAST_FAMILY = tuple(
    Who(name, *pronouns, ())
    for pronouns, names in (
        (SHE, "mama, granny, mother, aunt, big sister"),
        (HE, "papa, grandfather, father, uncle, big brother"),
    )
    for name in _list(names)
)

# Those who are small enough to run off and be fetched back.
DEAR = _list(
    """kitten, puppy, hamster, bunny, little brother, little sister, pet mouse, pet duck,
    pet hen, little cousin, baby brother, baby sister"""
)
BEAST_DEAR = _list(
    "little brother, little sister, little cousin, baby brother, baby sister, tiny cousin"
)

STRANGERS = (
    Stranger("farmer", "potatoes", "ladder"),
    Stranger("gardener", "tulips", "long rake"),
    Stranger("painter", "brushes", "ladder"),
    Stranger("mail carrier", "letters", "long stick"),
    Stranger("baker", "bread rolls", "long wooden paddle"),
    Stranger("fisherman", "silver fish", "long net"),
    Stranger("teacher", "books", "long ruler"),
    Stranger("sailor", "oranges", "strong rope"),
    Stranger("firefighter", "lemons", "tall ladder"),
    Stranger("builder", "nails", "ladder"),
    Stranger("window cleaner", "sponges", "tall ladder"),
    Stranger("shopkeeper", "onions", "broom"),
    Stranger("nurse", "bandages", "long umbrella"),
    Stranger("cook", "turnips", "long spoon"),
    Stranger("clown", "juggling balls", "pair of stilts"),
    Stranger("librarian", "storybooks", "step ladder"),
    Stranger("carpenter", "wooden blocks", "ladder"),
    Stranger("shepherd", "cheeses", "long crook"),
    Stranger("florist", "roses", "tall stool"),
    Stranger("milkman", "milk cartons", "long pole"),
    Stranger("seamstress", "spools", "long stick"),
    Stranger("plumber", "pipes", "ladder"),
    Stranger("acrobat", "hoops", "long pole"),
    Stranger("doctor", "papers", "walking stick"),
)

TRAITS = _list(
    """kind, brave, clever, cheerful, curious, gentle, quiet, funny, friendly, playful, shy,
    polite, busy, careful, helpful, merry, bold, lively, patient, smart, sweet, thoughtful,
    honest, silly, dreamy, quick, proud, caring, eager, jolly, generous, loyal, bright, sunny,
    neat, messy, noisy, chatty, calm, tidy"""
)
GLAD = _list("""happy, glad, joyful, pleased, cheerful""")
SAD = _list("""sad, upset, unhappy, gloomy, glum""")

# -- Looks, numbers and days -----------------------------------------------------------------

COLORS = _list(
    """red, blue, green, yellow, orange, purple, pink, brown, white, black, golden, silver,
    gray, violet, striped, spotted, shiny, bright, turquoise, scarlet, checkered, dotted,
    colorful, lilac"""
)
COZY = _list("cozy, small, snug, warm, tidy, pretty, neat, quiet, lovely, tiny")
NUMBERS = _list("two, three, four, five, six, seven, eight, nine, ten")
WEATHER = _list(
    """sunny, windy, warm, cool, bright, cloudy, misty, quiet, fine, mild, breezy, clear, gray,
    golden, chilly, lovely, fresh"""
)
DAYS = _list(
    """day, morning, afternoon, Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday,
    spring day, summer day, autumn day, spring morning, summer morning, autumn morning"""
)
MOVED = _list(
    """walked, skipped, hopped, ran, strolled, marched, trotted, hurried, wandered, raced,
    danced, jogged, tiptoed, dashed, bounced"""
)
SMELLS = _list(
    """grass, rain, fresh bread, honey, flowers, pine, hay, clover, mint, warm earth, lavender,
    wood smoke, blossom, leaves, summer, cinnamon, moss"""
)

# -- Nature ----------------------------------------------------------------------------------

BIRDS = _list(
    """robin, sparrow, blackbird, crow, pigeon, swallow, finch, wren, magpie, lark, jay,
    thrush, starling, woodpecker, cuckoo, dove, bluebird, canary, nightingale"""
)
TREES = _list(
    """oak, pine, apple, maple, birch, cherry, willow, chestnut, pear, plum, elm, fir, beech,
    walnut, peach, cedar, fig, hazel, ash, poplar"""
)
# What can be seen, and counted, on an outdoor walk.
SIGHTS = _list(
    """ducks, snails, sparrows, clouds, ladybugs, bees, ants, butterflies, worms, pigeons, geese,
    sheep, cows, horses, ponies, goats, mushrooms, daisies, pinecones, acorns, puddles, boats,
    bicycles, trucks, tractors, scooters, wagons, buses, frogs, toads, lizards, spiders, crickets,
    dragonflies, grasshoppers, beetles, caterpillars, moths, swans, seagulls, crows, hens,
    chicks, ducklings, lambs, piglets, calves, donkeys, chimneys, lanterns, flags, kites,
    balloons, benches, fences, rocks, pebbles, feathers, twigs, ferns, thistles, poppies,
    buttercups, bluebells, dandelions, rainbows, streams, turtles, minnows, cats, dogs, mice,
    turkeys, rabbits, squirrels, deer"""
)
# What stands by the road and stays there, to find the way home by.
LANDMARKS = _list(
    """red gate, wooden bridge, old well, white mill, big barn, windmill, broken fence, haystack,
    blue mailbox, green bench, funny scarecrow, lamp post, stone wall, round pond, little church,
    tall tower, stone fountain, signpost, lion statue, hollow stump, thorn bush, long hedge,
    flat rock, mossy log, garden shed, tire swing, beehive, horse stable, plum orchard, pear tree,
    rosebush, flagpole, yellow cottage, bus stop, wooden post, birdhouse, rusty pump,
    crooked pine, water tank, vegetable patch, chicken coop, clock tower, iron gate, waterfall,
    donkey farm, empty wagon, sandy hill, fire station, bakery,
    giant mushroom, giant pumpkin, old anchor, wishing well"""
)
FLOWERS = _list(
    """sunflower, rose, tulip, daisy, lily, poppy, daffodil, pansy, violet, marigold, iris,
    bluebell, buttercup, snowdrop, carnation, crocus, orchid, peony, petunia, primrose,
    pumpkin, tomato, bean plant, pea plant, strawberry plant, cabbage, melon, cucumber,
    pepper plant, radish, lettuce, turnip, corn plant, squash, beet, onion, potato plant, leek,
    raspberry bush, blueberry bush, mint plant, geranium, hyacinth, cornflower"""
)
GARDENS = _list(
    """in a flower pot, by the back door, by the old wall, under the window, next to the path,
    beside the fence, near the pond, on the sunny side of the hill, in a wooden box,
    at the edge of the grass, near the gate, behind the shed, in a clay pot, in a tin can,
    in an old bucket, in a cracked teacup"""
)
# Flying creatures so small that they can be saved with a leaf.
TINIES = _list(
    """bee, butterfly, ladybug, firefly, beetle, moth, dragonfly, grasshopper, cricket, fly,
    wasp, bumblebee, damselfly, gnat"""
)
WATERS = _list(
    """puddle, bucket, pond, stream, barrel, bowl of water, ditch, birdbath, water tub, brook,
    creek, watering can, water jug"""
)
FLOATS = _list(
    """leaf, twig, stick, blade of grass, petal, feather, straw, reed, spoon, piece of bark, fern,
    stalk, ribbon, shoelace, toothpick, spade, paper cup"""
)
# Wide places where one can lose the way.
WILDS = _list(
    """the woods, the forest, the tall grass, the hills, the marsh, the corn field, the pine wood,
    the heath, the moor, the big meadow, the wheat field, the bamboo grove, the old orchard,
    the valley"""
)
# What grows or lies there, free to be picked up.
WILD = _list(
    """berries, mushrooms, nuts, pinecones, acorns, feathers, chestnuts, buttercups, clover,
    violets, round stones, firewood, blackberries, herbs, moss, pretty leaves, daisies, twigs,
    wild strawberries, snail shells"""
)
TROUBLES = _list(
    """a thick fog came down, the sun went down, dark clouds hid the sun, the path came to an end,
    it began to snow, rain began to fall, a gray mist rolled in, evening came"""
)
STORMS = (
    "Dark clouds came, and it began to rain.",
    "A thick fog came down. It was like milk.",
    "The wind began to howl, and the sky turned black.",
    "It began to snow. Soon the whole path was white.",
    "The sun went down, and the shadows grew long and dark.",
    "Thunder began to rumble, and big drops of rain fell.",
    "Hail began to fall. It bounced on the ground like peas.",
)
MESSES = _list(
    """muddy puddle, thorny bush, deep ditch, patch of mud, heap of ashes, pile of wet leaves,
    muddy hole, pile of dirt, stinky swamp, patch of nettles, trash can,
    bucket of slime, compost heap, barrel of rainwater, pile of sawdust"""
)
SHELTERS = _list(
    """under a big rock, under a thick fir tree, in a hollow tree, under a wooden bridge,
    in a dry cave, behind a stone wall, under a wide bush, in an empty hut, under an old cart,
    beside a haystack, inside a hollow log, under a leaning tree"""
)

# -- Things ----------------------------------------------------------------------------------

# Small treasures of a child: they can be carried, lost, found and shared.
TOYS = _list(
    """ball, kite, doll, teddy bear, drum, whistle, toy boat, toy train, toy car, puzzle, yo-yo,
    rattle, wooden horse, marble, toy truck, toy plane, spinning top, puppet, jump rope, robot,
    toy duck, toy rabbit, rag doll, toy lion, flute, trumpet, toy tractor, rocket, bell, dinosaur,
    toy elephant, music box, toy bus, magnet, storybook, picture book, toy whale, spyglass,
    magnifying glass, compass, crown, wand, mask, toy dragon, toy giraffe, tambourine, harmonica,
    bouncy ball, toy crane, toy bear, toy monkey, toy penguin, toy zebra, toy hippo, toy camel,
    toy shark, toy turtle, toy spaceship, toy ship, toy submarine, toy helicopter, toy tiger"""
)
TREASURES = _list(
    """shell, pebble, feather, button, bell, marble, ball, ribbon, key, bracelet,
    spoon, thimble, cup, drum, whistle, bead, ring, coin, basket, hat, scarf, bottle,
    paper crown, wooden bowl, stone, seashell, flute, blanket, umbrella, lantern, necklace"""
)
# What the wind can carry off.
WINDY = _list(
    """kite, hat, cap, scarf, balloon, paper plane, ribbon, drawing, flag, streamer,
    bonnet, pinwheel, straw hat, sun hat, paper crown, treasure map, shawl, paper star, painting,
    kerchief, beret, bandana, paper bird, toy parachute, paper lantern, feather, paper fan"""
)
CLOTHES = _list(
    """hat, scarf, coat, sweater, jacket, cap, raincoat, vest, cape, shirt, hood, belt, bow tie,
    necklace, backpack, bracelet, badge, pocket watch, sun hat, mitten on each hand, ribbon,
    collar, shawl, poncho, headband, cardigan, beret"""
)
PACKED = _list(
    """map, rope, blanket, spoon, cup, pillow, towel, sweater, notebook, pencil, whistle, bottle
    of water, comb, sandwich, bandage, napkin, book, jar, basket, umbrella, bun, carrot, boiled
    egg, jam jar, cookie, muffin, toothbrush, box of raisins, sponge, crayon, mug, hammer,
    penny, raincoat, kettle, mirror, bag of nuts, pear, sock, bowl, fork, slice of bread, plum"""
)
LIGHTS = _list("lantern, flashlight, candle, small lamp, oil lamp, torch, paper lantern")
SHOPS = _list(
    """toy shop, corner shop, toy store, gift shop, village shop, corner store, big store,
    little store, old shop, shop next door, shop on the hill, shop by the station,
    department store"""
)
JARS = _list("jar, tin, box, purse, sock, piggy bank, little bag, pouch, cup, wallet")
NEEDS = _list(
    """hot soup, some milk, a loaf of bread, medicine, cough syrup, a wool blanket, a bag of rice,
    some firewood, some eggs and cheese, a pot of stew, some fresh fruit, a jar of honey,
    some ginger tea, a warm coat, throat drops, some chicken soup"""
)
CHORES = _list(
    """swept the floor, washed the dishes, fed the hens, watered the plants, picked up sticks,
    raked the leaves, folded the laundry, set the table, dusted the shelves, shoveled the snow,
    walked the neighbor's dog, cleaned the windows, sorted the buttons, polished the shoes,
    peeled the potatoes, weeded the garden, brushed the cat, stacked the wood, carried the
    groceries, wiped the table, made the beds, mopped the kitchen"""
)
GAMES = _list(
    """tag, hide and seek, catch, hopscotch, leapfrog, pirates, kings and queens, hide the bean,
    follow the leader, shop, school, explorers, knights and dragons, tug of war, circus, marbles,
    dress up, doctors, trains, statues, musical chairs, astronauts, cowboys, ring toss"""
)
BEAST_GAMES = _list(
    """tag, hide and seek, catch, leapfrog, hide the nut, follow the leader, tug of war, hopscotch,
    king of the hill, explorers, pirates, dragons, marbles, statues, toss the pinecone"""
)
HIDES = _list(
    """under the bed, behind the curtain, in the closet, under the stairs, behind the sofa,
    in the desk drawer, under the pillow, in the laundry basket, behind the bookshelf, in the attic,
    in the toy box, under the rug, in the big boot, behind the door, in the cupboard,
    under the desk, in the old suitcase, on top of the wardrobe, behind the piano"""
)

# -- Food ------------------------------------------------------------------------------------

FRUITS = _list(
    """apples, pears, plums, cherries, grapes, berries, peaches, strawberries, bananas, carrots,
    nuts, blueberries, raspberries, apricots, figs, melons, peas, beans, tomatoes, corn,
    blackberries, chestnuts, honey cakes, sweet potatoes, oranges, cucumbers, hazelnuts, dates,
    pancakes, noodles, waffles, dumplings, biscuits, crackers, raisins, muffins, cookies"""
)
SNACKS = _list(
    """cookie, muffin, pancake, sandwich, bun, pretzel, waffle, cracker, biscuit, cupcake, roll,
    apple, banana, pear, peach, tart, doughnut, bagel, scone, plum, carrot, orange, bowl of soup,
    bowl of porridge, piece of toast, slice of pie, bowl of noodles, baked potato, honey cake"""
)
DRINKS = _list(
    """milk, water, lemonade, cocoa, juice, tea, apple juice, warm milk, orange juice, cider,
    peach juice"""
)
# What is drunk or eaten hot after a cold walk.
HOT = _list("cocoa, tea, milk, soup, cider, chocolate, broth, porridge, punch, stew")
DISHES = (
    Dish("apple pie", _list("apples, flour, butter, cinnamon")),
    Dish("carrot cake", _list("carrots, flour, eggs, nuts")),
    Dish("pumpkin soup", _list("pumpkin, cream, garlic, onions")),
    Dish("berry tart", _list("berries, flour, butter, cream")),
    Dish("pizza", _list("cheese, tomatoes, mushrooms, olives")),
    Dish("vegetable stew", _list("potatoes, carrots, peas, celery, leeks")),
    Dish("honey cake", _list("honey, eggs, flour, almonds")),
    Dish("loaf of bread", _list("flour, yeast, seeds, oats")),
    Dish("cherry pie", _list("cherries, flour, butter, sugar")),
    Dish("chocolate cake", _list("chocolate, eggs, butter, cream")),
    Dish("omelet", _list("eggs, cheese, ham, spinach")),
    Dish("banana loaf", _list("bananas, flour, walnuts, raisins")),
    Dish("jam tart", _list("strawberries, sugar, butter, flour")),
    Dish("nut cake", _list("hazelnuts, honey, flour, eggs")),
    Dish("rice pudding", _list("rice, cream, sugar, vanilla, raisins")),
    Dish("peach cobbler", _list("peaches, butter, oats, flour")),
    Dish("bean soup", _list("beans, onions, carrots, parsley")),
    Dish("noodle soup", _list("noodles, peas, corn, broth")),
    Dish("lemon cake", _list("lemons, eggs, flour, butter")),
    Dish("plum pudding", _list("plums, nuts, flour, syrup")),
    Dish("mushroom pie", _list("mushrooms, cheese, cream, pepper")),
    Dish("cheese pie", _list("cheese, butter, flour, herbs")),
    Dish("gingerbread house", _list("ginger, honey, frosting, flour")),
    Dish("blueberry cake", _list("blueberries, eggs, yogurt, flour")),
)
SLIPS = (
    Slip(
        "{He} ran with it across the room, and the {dish} fell on the floor.",
        "I was too fast",
        "{he} walked slowly and held the {dish} with both hands",
    ),
    Slip(
        "Then {he} went out to play, and the {dish} burned until it was black.",
        "I did not watch it",
        "{he} sat by the stove and watched the {dish} the whole time",
    ),
    Slip(
        "But {he} put in much too much salt, and the {dish} tasted awful.",
        "I did not measure",
        "{he} measured the salt with the smallest spoon",
    ),
    Slip(
        "{He} left it by the open window, and hungry crows ate the {dish}.",
        "I left it by the window",
        "{he} shut the window and put the {dish} on a high shelf",
    ),
    Slip(
        "But {he} stirred so hard that the bowl tipped over. What a mess!",
        "I was too wild",
        "{he} stirred gently and held the bowl tight",
    ),
    Slip(
        "But {he} forgot the {dish.part3}, and the {dish} did not taste good at all.",
        "I forgot the {dish.part3}",
        "{he} put in the {dish.part3} first of all",
    ),
    Slip(
        "But {he} took it off the heat too soon, and the {dish} was only half done.",
        "I could not wait",
        "{he} waited and waited until the {dish} was hot and ready",
    ),
)

MISHAPS = (
    Mishap(
        "But then the days grew hot, and the leaf turned brown.",
        "carried water to the {plant} every morning and every evening",
    ),
    Mishap(
        "But then a hungry snail came and ate half of the leaf.",
        "picked up the snail, took it far away and put pebbles around the {plant}",
    ),
    Mishap(
        "But then a strong wind came and bent the little stem.",
        "tied the {plant} to a stick with soft string",
    ),
    Mishap(
        "But then weeds grew up all around it and took all the light.",
        "pulled out the weeds, one by one, every day",
    ),
    Mishap(
        "But then came a night with frost, and the leaf hung down.",
        "covered the {plant} with an old sock every night",
    ),
    Mishap(
        "But then heavy rain came and washed the soil away.", "put good new soil around the roots"
    ),
    Mishap(
        "But then the crows came and pulled at the leaf.",
        "hung up shiny spoons and ribbons to keep the crows away",
    ),
    Mishap(
        "But then a goat came along and stepped on it.",
        "built a small fence of sticks around the {plant}",
    ),
    Mishap(
        "But then the leaf turned pale, and it did not grow any more.",
        "gave the {plant} good black soil from the forest",
    ),
)

# -- Places ----------------------------------------------------------------------------------

PLACES = (
    Place(
        "the park",
        "in the park",
        _list(
            "under the bench, by the fountain, behind the statue, near the duck pond, beside "
            "the swings"
        ),
    ),
    Place(
        "the beach",
        "on the beach",
        _list(
            "under a towel, behind a sand dune, next to a rowboat, beside a heap of seaweed, "
            "near the pier"
        ),
    ),
    Place(
        "the farm",
        "on the farm",
        _list(
            "behind the tractor, in the hay, next to the pigpen, near the chicken coop, by the pump"
        ),
    ),
    Place(
        "the playground",
        "at the playground",
        _list(
            "under the slide, in the sandbox, behind the seesaw, beside the monkey bars, near "
            "the swings"
        ),
    ),
    Place(
        "the garden",
        "in the garden",
        _list(
            "under the rosebush, behind the watering can, between the cabbages, next to the "
            "wheelbarrow, beside the gate"
        ),
    ),
    Place(
        "the zoo",
        "at the zoo",
        _list(
            "near the penguins, beside the elephant house, by the ticket booth, under a picnic "
            "table, by the monkey house"
        ),
    ),
    Place(
        "the library",
        "in the library",
        _list(
            "under a reading chair, between two big books, on the bottom shelf, beside the "
            "globe, behind the atlas"
        ),
    ),
    Place(
        "the lake",
        "by the lake",
        _list(
            "in the reeds, under the canoe, on the dock, beside a big boulder, behind the boathouse"
        ),
    ),
    Place(
        "the market",
        "at the market",
        _list(
            "under the fruit stand, behind a crate of melons, beside the cheese stall, next to "
            "the flower cart, near the bakery"
        ),
    ),
    Place(
        "the forest",
        "in the forest",
        _list(
            "under the ferns, behind a mossy log, beside the toadstools, at the foot of an oak, "
            "by the brook"
        ),
    ),
    Place(
        "the train station",
        "at the train station",
        _list(
            "under a seat, near the clock, behind a suitcase, beside the ticket window, on the "
            "stairs"
        ),
    ),
    Place(
        "the museum",
        "in the museum",
        _list(
            "near the dinosaur bones, behind a marble pillar, under the coat rack, beside the "
            "knight, by the front desk"
        ),
    ),
    Place(
        "the school",
        "at the school",
        _list(
            "under a desk, behind the blackboard, in the coat room, beside the easel, next to "
            "the fish tank"
        ),
    ),
    Place(
        "the harbor",
        "at the harbor",
        _list(
            "behind a fishing net, under an anchor, beside a barrel, next to the lighthouse, on "
            "a coil of rope"
        ),
    ),
    Place(
        "the meadow",
        "in the meadow",
        _list(
            "in the tall grass, under a daisy patch, beside the creek, behind a molehill, near "
            "the fence"
        ),
    ),
    Place(
        "the fair",
        "at the fair",
        _list(
            "by the carousel, under the popcorn cart, behind the puppet tent, beside the big "
            "wheel, near the juggler"
        ),
    ),
    Place(
        "the circus",
        "at the circus",
        _list(
            "under a wooden seat, behind the red tent, beside the drum, near the popcorn stand, "
            "by the clown's wagon"
        ),
    ),
    Place(
        "the orchard",
        "in the orchard",
        _list(
            "under a plum tree, inside an empty basket, behind the ladder, beside the beehive, "
            "next to the cart"
        ),
    ),
    Place(
        "the swimming pool",
        "at the swimming pool",
        _list(
            "under a deck chair, beside the steps, behind the lockers, near the showers, on a "
            "wet towel"
        ),
    ),
    Place(
        "the grocery store",
        "in the grocery store",
        _list(
            "behind the cereal boxes, next to the carrots, under the shopping cart, beside the "
            "scales, near the pickles"
        ),
    ),
    Place(
        "the castle",
        "at the castle",
        _list(
            "behind a suit of armor, under the drawbridge, on a stone step, beside the old "
            "cannon, near the moat"
        ),
    ),
    Place(
        "the airport",
        "at the airport",
        _list(
            "under a seat, behind a big suitcase, beside the window, near the elevator, by the "
            "toy shop"
        ),
    ),
)
WILD_PLACES = (
    Place(
        "the forest",
        "in the forest",
        _list(
            "under the ferns, behind a mossy log, beside the toadstools, at the foot of an oak, "
            "by the brook"
        ),
    ),
    Place(
        "the meadow",
        "in the meadow",
        _list(
            "in the tall grass, under the daisies, beside the creek, behind a molehill, near "
            "the old fence"
        ),
    ),
    Place(
        "the river",
        "by the river",
        _list(
            "in the reeds, under a willow, behind a boulder, next to the stepping stones, "
            "beside the waterfall"
        ),
    ),
    Place(
        "the hill",
        "on the hill",
        _list(
            "behind a thorn bush, under a flat stone, in a patch of clover, next to the rabbit "
            "hole, beside the path"
        ),
    ),
    Place(
        "the pond",
        "by the pond",
        _list(
            "under a lily leaf, beside the cattails, in the mud, behind a stump, near the "
            "beaver dam"
        ),
    ),
    Place(
        "the farm",
        "on the farm",
        _list(
            "behind the tractor, in the hay, next to the pigpen, near the chicken coop, by the pump"
        ),
    ),
    Place(
        "the orchard",
        "in the orchard",
        _list(
            "under a plum tree, inside an empty basket, behind the ladder, beside the beehive, "
            "next to the cart"
        ),
    ),
    Place(
        "the beach",
        "on the beach",
        _list(
            "behind a sand dune, in a tide pool, under driftwood, beside a heap of seaweed, "
            "next to an old boat"
        ),
    ),
    Place(
        "the valley",
        "in the valley",
        _list(
            "under a hazel bush, behind a stone wall, beside the spring, in the heather, near "
            "the bridge"
        ),
    ),
    Place(
        "the garden",
        "in the garden",
        _list(
            "under the rosebush, behind the watering can, between the cabbages, next to the "
            "wheelbarrow, beside the gate"
        ),
    ),
    Place(
        "the swamp",
        "in the swamp",
        _list(
            "on a soft cushion of moss, behind a rotten trunk, under a root, in the rushes, "
            "near the wooden planks"
        ),
    ),
    Place(
        "the berry patch",
        "in the berry patch",
        _list(
            "under the brambles, behind a bramble bush, between two roots, beside an ant hill, "
            "in the nettles"
        ),
    ),
)

SCARES = (
    Scare("the old cellar", "drip, drip", "a leaky pipe", "a barrel"),
    Scare("the dark attic", "creak, creak", "a loose window", "an old trunk"),
    Scare("the big barn", "swish, swish", "a cow with a long tail", "a haystack"),
    Scare("the tool shed", "tap, tap", "a branch on the roof", "a wheelbarrow"),
    Scare("the garage", "hum, hum", "an old freezer", "a stack of tires"),
    Scare("the stone tunnel", "whoo, whoo", "the wind", "a pile of leaves"),
    Scare("the basement", "clank, clank", "the heater", "a laundry basket"),
    Scare("the dark closet", "squeak, squeak", "a tiny mouse", "a winter coat"),
    Scare("the old mill", "clack, clack", "the water wheel", "a sack of flour"),
    Scare("the boathouse", "splash, splash", "a fat frog", "a rowboat"),
    Scare("the henhouse", "scratch, scratch", "a sleepy hen", "a nest of straw"),
    Scare("the clock tower", "tick, tock", "the big clock", "a wooden box"),
    Scare("the stable", "stomp, stomp", "a gray horse", "a saddle"),
    Scare("the laundry room", "bump, bump", "the washing machine", "a heap of towels"),
    Scare("the old cabin", "rattle, rattle", "a loose shutter", "a broken chair"),
    Scare("the woodshed", "crunch, crunch", "a hungry beetle", "a stack of logs"),
    Scare("the storeroom", "thump, thump", "a swinging door", "a crate of apples"),
    Scare("the dark hallway", "ding, dong", "a small brass bell", "an umbrella stand"),
)
WILD_SCARES = (
    Scare("the dark cave", "drip, drip", "water from the rocks", "a flat stone"),
    Scare("the hollow log", "scratch, scratch", "a tiny beetle", "a lump of moss"),
    Scare("the dark woods", "hoo, hoo", "a baby owl", "a mossy stump"),
    Scare("the big barn", "swish, swish", "a cow with a long tail", "a haystack"),
    Scare("the long tunnel", "grumble, grumble", "a mole who snored", "a pile of sand"),
    Scare("the thorny thicket", "rustle, rustle", "a shy wren", "a clump of nettles"),
    Scare("the old mill", "clack, clack", "the water wheel", "a sack of flour"),
    Scare("the empty hut", "creak, creak", "an old door", "a broken chair"),
    Scare("the tall reeds", "croak, croak", "a fat toad", "a tuft of grass"),
    Scare("the black forest", "knock, knock", "a busy woodpecker", "a fallen branch"),
    Scare("the stone tunnel", "whoo, whoo", "the wind", "a pile of leaves"),
    Scare("the old boathouse", "splash, splash", "a fat frog", "a rowboat"),
)

# -- Things to learn, to build, to give and to obey ------------------------------------------

SKILLS = (
    Skill(
        "ride a bike",
        "rode the bike all the way down the lane",
        "tipped over",
        "Look ahead, not down",
    ),
    Skill(
        "swim",
        "swam all the way across the pool",
        "swallowed some water",
        "Kick your legs and stay calm",
    ),
    Skill("whistle", "whistled a whole song", "only blew air", "Make your lips small and round"),
    Skill(
        "skate",
        "skated all the way around the ice",
        "slid and sat down hard",
        "Bend your knees a little",
    ),
    Skill("tie a bow", "tied a perfect bow", "made a big knot", "First make two bunny ears"),
    Skill(
        "bake bread",
        "baked a soft loaf of bread",
        "made bread as hard as a brick",
        "Let the dough rest",
    ),
    Skill(
        "play the piano",
        "played a whole song on the piano",
        "hit all the wrong keys",
        "Play it slowly first",
    ),
    Skill(
        "juggle", "juggled three red balls", "dropped every ball", "Watch the top, not your hands"
    ),
    Skill(
        "fly a kite",
        "flew the kite up to the clouds",
        "got the string in a tangle",
        "Run into the wind",
    ),
    Skill("jump rope", "jumped rope twenty times", "tripped on the rope", "Count out loud"),
    Skill(
        "paint a horse",
        "painted a lovely brown horse",
        "painted a horse that looked like a potato",
        "Look closely before you paint",
    ),
    Skill(
        "write a letter",
        "wrote a long letter to the mayor",
        "mixed up the letters",
        "One letter at a time",
    ),
    Skill(
        "catch a ball",
        "caught the ball with both hands",
        "missed the ball",
        "Keep your eyes on the ball",
    ),
    Skill("ski", "skied down the whole hill", "fell into the soft snow", "Keep your knees soft"),
    Skill(
        "knit",
        "knitted a long woolly scarf",
        "lost the wool under the chair",
        "Go slowly, loop by loop",
    ),
    Skill(
        "row a boat",
        "rowed the boat across the lake",
        "went around in circles",
        "Pull with both arms",
    ),
    Skill(
        "do a cartwheel",
        "did a perfect cartwheel",
        "rolled over like a log",
        "Put your hands down first",
    ),
    Skill(
        "play the violin",
        "played a sweet tune on the violin",
        "made an awful screech",
        "Hold the bow gently",
    ),
    Skill("dive", "dived into the pool", "landed flat on the water", "Tuck in your chin"),
    Skill(
        "read", "read a whole book out loud", "got stuck on the long words", "Sound out each letter"
    ),
    Skill(
        "sew",
        "sewed a button on a shirt",
        "sewed {his} sleeve to the tablecloth",
        "Make small stitches",
    ),
    Skill(
        "climb the rope",
        "climbed to the top of the rope",
        "slid back down",
        "Hold on with your feet",
    ),
    Skill(
        "ride a scooter",
        "rode the scooter around the block",
        "bumped into a bush",
        "Push with one foot",
    ),
    Skill("play chess", "won a game of chess", "lost the king", "Think before you move"),
    Skill(
        "do a handstand",
        "stood on {his} hands and did not wobble",
        "flopped on the mat",
        "Look at the floor",
    ),
    Skill(
        "bowl",
        "knocked down all ten pins",
        "rolled the ball the wrong way",
        "Swing your arm straight",
    ),
    Skill(
        "play the guitar",
        "played a happy song on the guitar",
        "mixed up the strings",
        "Tap your foot to the beat",
    ),
    Skill(
        "draw a star", "drew a star with five points", "drew a funny blob", "Do not lift the pencil"
    ),
    Skill("hula hoop", "spun the hoop fifty times", "dropped the hoop", "Wiggle and do not stop"),
)
WILD_SKILLS = (
    Skill(
        "swim",
        "swam all the way across the pond",
        "swallowed some water",
        "Kick your legs and stay calm",
    ),
    Skill("whistle", "whistled a whole song", "only blew air", "Make your lips small and round"),
    Skill(
        "climb the old oak",
        "climbed to the top of the old oak",
        "slid back down",
        "Hold on with your back feet",
    ),
    Skill(
        "jump over the brook",
        "jumped right over the brook",
        "landed in the water",
        "Run fast before you jump",
    ),
    Skill("dance", "danced all around the fire", "stepped on {his} own toes", "Listen to the drum"),
    Skill(
        "walk on the fence",
        "walked along the whole fence",
        "wobbled and fell off",
        "Look ahead, not down",
    ),
    Skill("sing", "sang a song from start to end", "only squeaked", "Open your mouth wide"),
    Skill("do a somersault", "did a perfect somersault", "rolled into a bush", "Tuck in your chin"),
    Skill(
        "dig a tunnel",
        "dug a long and tidy tunnel",
        "got dirt in {his} nose",
        "Use both front paws",
    ),
    Skill(
        "slide on the ice",
        "slid all the way over the ice",
        "sat down hard",
        "Bend your knees a little",
    ),
    Skill(
        "paddle a raft",
        "paddled the raft across the river",
        "went around in circles",
        "Push with both arms",
    ),
    Skill(
        "catch a ball",
        "caught the ball with both paws",
        "missed the ball",
        "Keep your eyes on the ball",
    ),
    Skill(
        "balance on a log",
        "balanced on the log and did not wobble",
        "tumbled off",
        "Stretch out your arms",
    ),
)

BUILDS = (
    Build(
        "tree house",
        _list("planks, nails, boards"),
        "the wind blew the roof off",
        "used longer nails",
        "sat in the tree house and looked over the whole village",
    ),
    Build(
        "birdhouse",
        _list("sticks, boards, bark"),
        "a storm knocked it down",
        "tied it up with strong wire",
        "watched a family of robins move in",
    ),
    Build(
        "raft",
        _list("logs, rope, branches"),
        "the logs came apart in the water",
        "tied every knot twice",
        "sailed the raft across the pond",
    ),
    Build(
        "sand castle",
        _list("wet sand, shells, pebbles"),
        "a big wave washed it away",
        "built it farther from the water",
        "put a tiny flag on the highest tower",
    ),
    Build(
        "snowman",
        _list("snow, coal, twigs"),
        "the warm sun made its head fall off",
        "built it in the shade",
        "gave the snowman a carrot nose",
    ),
    Build(
        "fort",
        _list("blankets, chairs, pillows"),
        "the roof fell in",
        "used more clothespins",
        "drank cocoa inside the fort",
    ),
    Build(
        "swing",
        _list("rope, planks, cord"),
        "the rope snapped",
        "used a thicker rope",
        "took turns on the swing until dark",
    ),
    Build(
        "doghouse",
        _list("boards, nails, paint"),
        "the walls fell over",
        "put a heavy beam in each corner",
        "saw a happy dog crawl inside",
    ),
    Build(
        "bridge",
        _list("stones, logs, clay"),
        "the stream pulled it down",
        "put the biggest stones at the bottom",
        "crossed the stream with dry feet",
    ),
    Build(
        "block tower",
        _list("wooden blocks, boxes, cardboard"),
        "it leaned and crashed down",
        "made the bottom wide",
        "put a star on the very top",
    ),
    Build(
        "scarecrow",
        _list("straw, old shirts, buttons"),
        "the straw fell out",
        "sewed up all the holes",
        "laughed when the crows flew away",
    ),
    Build(
        "soapbox car",
        _list("wheels, crates, string"),
        "a wheel rolled off",
        "turned every screw tight",
        "rolled down the hill and cheered",
    ),
    Build(
        "igloo",
        _list("ice, snow, snow blocks"),
        "the top caved in",
        "made the walls thick",
        "ate a picnic inside the igloo",
    ),
    Build(
        "tent",
        _list("sheets, poles, string"),
        "the tent flew away",
        "put heavy rocks on the corners",
        "slept in the tent under the stars",
    ),
    Build(
        "windmill",
        _list("paper, straws, pins"),
        "its arms fell off",
        "glued on stronger arms",
        "watched the windmill spin and spin",
    ),
    Build(
        "bird feeder",
        _list("pinecones, string, wire"),
        "the squirrels pulled it down",
        "hung it on a higher branch",
        "counted all the birds that came to eat",
    ),
    Build(
        "puppet theater",
        _list("cardboard, cloth, tape"),
        "the curtain fell down",
        "hung the curtain on a strong rod",
        "put on a funny show",
    ),
    Build(
        "wooden boat",
        _list("planks, tar, cloth"),
        "water came in through a hole",
        "filled every crack",
        "rowed around the lake and sang",
    ),
    Build(
        "kite",
        _list("paper, sticks, glue"),
        "it crashed and tore",
        "gave it a longer tail",
        "flew the kite high over the roofs",
    ),
    Build(
        "rabbit hutch",
        _list("boards, wire, straw"),
        "the door fell off",
        "put on a new hinge",
        "watched two white rabbits hop in",
    ),
)

GIFTS = (
    Gift("card", "painted", _list("paint, glitter, stickers")),
    Gift("necklace", "strung", _list("beads, shells, buttons")),
    Gift("crown", "folded", _list("gold paper, tinsel, cardboard")),
    Gift("picture frame", "glued", _list("sticks, shells, beans")),
    Gift("basket", "wove", _list("straw, reeds, ribbons")),
    Gift("pillow", "sewed", _list("soft cloth, feathers, wool")),
    Gift("scarf", "knitted", _list("wool, yarn, fluffy thread")),
    Gift("vase", "shaped", _list("clay, mud, dough")),
    Gift("candle", "made", _list("beeswax, string, wax")),
    Gift("paper flower", "folded", _list("tissue paper, wire, thin paper")),
    Gift("bookmark", "cut out", _list("felt, ribbon, leather")),
    Gift("puppet", "sewed", _list("socks, buttons, felt")),
    Gift("mobile", "made", _list("paper stars, feathers, string")),
    Gift("bracelet", "braided", _list("thread, yarn, beads")),
    Gift("photo album", "glued", _list("photos, paper, lace")),
    Gift("quilt", "sewed", _list("old shirts, patches, cotton")),
    Gift("mug", "painted", _list("paint, tiny dots, hearts")),
    Gift("flower wreath", "wove", _list("daisies, ivy, clover")),
    Gift("lantern", "made", _list("jars, colored paper, foil")),
    Gift("wooden spoon", "carved", _list("pine wood, soft wood, bark")),
    Gift("poster", "drew", _list("crayons, markers, chalk")),
    Gift("apron", "sewed", _list("cloth, pockets, ribbon")),
)

RULES = (
    Rule(
        "Do not run by the pond",
        "{Hero} saw a frog and ran after it",
        "{He} slipped and fell into the cold water with a splash",
        "held out a long branch",
    ),
    Rule(
        "Do not climb the wall",
        "{Hero} wanted to see over the wall, so {he} climbed up",
        "At the top {he} looked down, felt dizzy and could not get back",
        "fetched a ladder",
    ),
    Rule(
        "Do not eat all the cookies",
        "{Hero} ate one cookie, then another, then all of them",
        "Soon {his} tummy began to hurt very much",
        "made a cup of mint tea",
    ),
    Rule(
        "Do not open the gate",
        "{Hero} wanted to look outside and opened the gate",
        "At once all the sheep ran out into the road",
        "called the sheep with a bell",
    ),
    Rule(
        "Do not play with the paint",
        "{Hero} only wanted to make one red dot and opened a can",
        "The can fell over, and red paint ran all over the floor",
        "brought a mop and a bucket",
    ),
    Rule(
        "Do not touch the beehive",
        "{Hero} wanted to taste some honey and touched the beehive",
        "The bees flew out, and one stung {him} on the nose",
        "put a cool wet cloth on the nose",
    ),
    Rule(
        "Wear your boots in the rain",
        "{Hero} left {his} boots at home and ran out in socks",
        "Soon {his} socks were wet, and {he} began to sneeze and shiver",
        "brought a warm blanket and dry socks",
    ),
    Rule(
        "Do not wander off",
        "{Hero} saw a balloon and followed it far away",
        "Then {he} looked around and did not know where {he} was",
        "took {him} safely home",
    ),
    Rule(
        "Do not jump on the bed",
        "{Hero} wanted to touch the ceiling, so {he} jumped and jumped",
        "Crack! One leg of the bed broke, and {he} tumbled onto the rug",
        "brought a hammer and some glue",
    ),
    Rule(
        "Do not pick the green plums",
        "{Hero} thought that the plums looked good and ate five of them",
        "They were sour, and soon {he} had a bad tummy ache",
        "made some warm tea",
    ),
    Rule(
        "Do not play ball in the house",
        "{Hero} was bored and threw a ball in the kitchen",
        "Crash! The ball hit the blue teapot, and it broke",
        "brought a broom and some glue",
    ),
    Rule(
        "Shut the door of the cage",
        "{Hero} fed the parrot and forgot to shut the door",
        "The parrot flew out and sat high up in a tree",
        "held up a handful of seeds",
    ),
    Rule(
        "Put your toys away",
        "{Hero} left {his} toys on the stairs and went to play",
        "Soon {he} slipped on a toy car and bumped {his} knee",
        "brought a bandage",
    ),
    Rule(
        "Do not cut your own hair",
        "{Hero} took the scissors and cut {his} hair",
        "When {he} looked in the mirror, one side was short and one side was long",
        "trimmed the rest with care",
    ),
    Rule(
        "Do not pull the cat's tail",
        "{Hero} wanted to play and pulled the cat's tail",
        "The cat hissed, scratched {his} hand and hid under the bed",
        "brought a bowl of milk for the cat",
    ),
    Rule(
        "Go to bed on time",
        "{Hero} stayed up and played under the blanket until very late",
        "In the morning {he} was so tired that {he} poured milk into {his} shoe",
        "carried {him} back to bed for a nap",
    ),
    Rule(
        "Turn off the tap",
        "{Hero} filled the tub for {his} boats and forgot the tap",
        "The water ran over and made a lake on the bathroom floor",
        "brought a pile of towels",
    ),
    Rule(
        "Keep your hat on in the sun",
        "{Hero} took off {his} hat because it was itchy",
        "Soon {his} face was as red as a tomato and {his} head hurt",
        "brought some cool cream and a glass of water",
    ),
)
WILD_RULES = (
    Rule(
        "Do not run by the pond",
        "{Hero} saw a frog and ran after it",
        "{He} slipped and fell into the cold water with a splash",
        "held out a long branch",
    ),
    Rule(
        "Do not touch the beehive",
        "{Hero} wanted to taste some honey and touched the beehive",
        "The bees flew out, and one stung {him} on the nose",
        "put a cool wet leaf on the nose",
    ),
    Rule(
        "Do not pick the green plums",
        "{Hero} thought that the plums looked good and ate five of them",
        "They were sour, and soon {he} had a bad tummy ache",
        "made some mint tea",
    ),
    Rule(
        "Do not wander off",
        "{Hero} saw a butterfly and followed it far away",
        "Then {he} looked around and did not know where {he} was",
        "took {him} safely home",
    ),
    Rule(
        "Do not walk on the thin ice",
        "{Hero} wanted to slide and stepped on the thin ice",
        "Crack! The ice broke, and {he} stood in icy water up to {his} tummy",
        "held out a long stick",
    ),
    Rule(
        "Do not go into the brambles",
        "{Hero} saw a big blackberry and crawled into the brambles",
        "The thorns caught {his} fur, and {he} could not get out",
        "pulled the thorns away",
    ),
    Rule(
        "Do not crawl into the pipe",
        "{Hero} wanted to see what was in the pipe and crawled in",
        "The pipe was too narrow, and {he} got stuck in the middle",
        "pulled and pulled at {his} feet",
    ),
    Rule(
        "Do not shake the nut tree",
        "{Hero} wanted some nuts and shook the tree hard",
        "A hundred nuts fell down, and one hit {him} on the head",
        "put a cool leaf on the bump",
    ),
    Rule(
        "Do not roll down the steep hill",
        "{Hero} wanted some fun and rolled down the hill",
        "{He} rolled faster and faster and landed in a muddy ditch",
        "held out a long root",
    ),
    Rule(
        "Come home before dark",
        "{Hero} was having fun and did not look at the sky",
        "Soon it was so dark that {he} could not see the path",
        "held up a bright lantern",
    ),
)

BABIES = (
    Baby("duckling", "Peep, peep", "duck", "on the pond"),
    Baby("chick", "Cheep, cheep", "hen", "in the barn"),
    Baby("lamb", "Baa, baa", "sheep", "in the green field"),
    Baby("calf", "Moo, moo", "cow", "by the milking shed"),
    Baby("kitten", "Mew, mew", "cat", "on a sunny wall"),
    Baby("puppy", "Yip, yip", "dog", "by the bakery door"),
    Baby("piglet", "Oink, oink", "pig", "in the mud"),
    Baby("foal", "Neigh, neigh", "horse", "in the paddock"),
    Baby("gosling", "Honk, honk", "goose", "by the river"),
    Baby("owlet", "Hoo, hoo", "owl", "in an old tower"),
    Baby("cygnet", "Peep, peep", "swan", "on the lake"),
    Baby("baby goat", "Maa, maa", "goat", "on the hill"),
    Baby("baby donkey", "Hee-haw, hee-haw", "donkey", "under the walnut tree"),
    Baby("baby turkey", "Gobble, gobble", "turkey", "behind the haystack"),
    Baby("baby sparrow", "Tweet, tweet", "sparrow", "on the church roof"),
    Baby("baby mouse", "Squeak, squeak", "mouse", "in the corn"),
    Baby("baby squirrel", "Chuk, chuk", "squirrel", "in the oak tree"),
    Baby("fawn", "Bleat, bleat", "deer", "at the edge of the woods"),
    Baby("baby bat", "Eek, eek", "bat", "under the roof of the mill"),
)

# -- The two worlds --------------------------------------------------------------------------

# Words that begin with a vowel letter but a consonant sound, and the other way around.
NOT_AN = ("one", "unicorn", "uniform", "useful", "ukulele", "unicycle")
NOT_A = ("hour", "honest")

Pools = dict[str, tuple[object, ...]]

_SHARED: Pools = {
    "baby": BABIES,
    "bird": BIRDS,
    "build": BUILDS,
    "chore": CHORES,
    "clothes": CLOTHES,
    "color": COLORS,
    "cozy": COZY,
    "day": DAYS,
    "dish": DISHES,
    "drink": DRINKS,
    "float": FLOATS,
    "fruits": FRUITS,
    "garden": GARDENS,
    "gift": GIFTS,
    "glad": GLAD,
    "hide": HIDES,
    "hot": HOT,
    "jar": JARS,
    "landmark": LANDMARKS,
    "light": LIGHTS,
    "mess": MESSES,
    "mishap": MISHAPS,
    "moved": MOVED,
    "need": NEEDS,
    "number": NUMBERS,
    "pack": PACKED,
    "plant": FLOWERS,
    "sad": SAD,
    "shelter": SHELTERS,
    "shop": SHOPS,
    "sights": SIGHTS,
    "slip": SLIPS,
    "smell": SMELLS,
    "snack": SNACKS,
    "storm": STORMS,
    "stranger": STRANGERS,
    "tiny": TINIES,
    "trait": TRAITS,
    "treasure": TREASURES,
    "tree": TREES,
    "trouble": TROUBLES,
    "water": WATERS,
    "weather": WEATHER,
    "wild": WILD,
    "wilds": WILDS,
    "windy": WINDY,
}

KID: Pools = _SHARED | {
    "hero": GIRLS + BOYS,
    "friend": GIRLS + BOYS,
    "pal": ("{his} friend {friend}", "{his} good friend {friend}", "{his} best friend {friend}"),
    "buddy": ("a friend named {friend}", "a good friend named {friend}"),
    "grownup": FAMILY,
    "kin": ("grandma", "grandpa", "aunt", "uncle", "grandmother", "grandfather", "cousin"),
    "game": GAMES,
    "dear": DEAR,
    "toy": TOYS,
    "place": PLACES,
    "scare": SCARES,
    "skill": SKILLS,
    "rule": RULES,
}

ANIMAL: Pools = _SHARED | {
    "hero": BEASTS_NAMED,
    "friend": BEASTS_NAMED,
    "pal": ("{his} friend {friend} the {friend.kind}", "{friend} the {friend.kind}"),
    "buddy": ("a good friend, {friend} the {friend.kind}", "a friend, {friend} the {friend.kind}"),
    "grownup": BEAST_FAMILY,
    "kin": ("granny", "grandfather", "aunt", "uncle", "grandmother", "cousin"),
    "game": BEAST_GAMES,
    "dear": BEAST_DEAR,
    "toy": TREASURES,
    "place": WILD_PLACES,
    "scare": WILD_SCARES,
    "skill": WILD_SKILLS,
    "rule": WILD_RULES,
}
