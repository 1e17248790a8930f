// The words of pairing (55-pairing, The words): one byte each, in this order.

export const words: readonly string[] = `
acorn album almond anchor animal apple apron arcade artist atlas attic autumn avocado bagel bamboo
banjo barrel basket bench bicycle biscuit blanket blossom bottle branch breeze bridge bronze bubble
bucket butter cabin cactus camel candle carpet castle cedar ceiling cheese chimney cinema citrus
clover coconut coffee compass cotton crayon cricket cupcake curtain cushion dance delta diamond
dinner dish dolphin domino dream drum duck eagle echo eclipse elbow emerald engine fabric falcon
farmer feather finger flute forest fossil frog fruit gadget galaxy garden gazelle giraffe glacier
glove goose grape guitar gymnast hammock harvest helmet hiker hobby hockey holiday honey horizon
hotel husky igloo indigo insect ivory jacket jelly jigsaw journal juice jungle kayak kettle kiosk
kitchen kiwi koala ladder lagoon lantern laptop lemon letter library linen lizard lobster locket
lunch magnet mango maple marble meadow meteor mirror mitten moon mosaic movie muffin museum napkin
nest noodle novel number nutmeg oasis oatmeal ocean octopus onion opera orange orbit orchard otter
oven oyster paddle palace pancake paper parrot pasta pebble pelican pencil pepper piano picnic
pigeon pillow pizza planet pollen pony popcorn potato pretzel pumpkin purple puzzle pyramid rabbit
radio rainbow recipe ribbon river robot salad sandal scarf school season silver sketch slipper smile
snow soccer sofa spoon square stone sugar summer sunset swan sweater syrup table teapot tennis
thimble ticket tiger timber toast tomato towel tractor tulip tunnel turnip tuxedo twig ukulele
unicorn vacuum valley vanilla velvet video village vinegar violin vitamin volcano voyage waffle
wagon walnut water wheat whistle window wolf wonder yellow yogurt zebra zigzag zipper
`.trim().split(/\s+/);
